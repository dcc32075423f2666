import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { drawTrainingCurve } from '../../trainer/curve/training-curve.ts';
import { drawNumbers } from '../tiny-bundle.ts';

const points = (count: number, levels: number) =>
  Array.from(drawNumbers(count, 1), (noise, iteration) => ({
    iteration,
    level: iteration % levels,
    loss: 2 / (1 + iteration / 50) + 0.1 * noise,
  }));

/** Throws unless every tag is closed, in order, and every ampersand begins an entity: what an XML parser would stop at. */
function checkTags(svg: string): void {
  const open: string[] = [];
  for (const [, closing, name, own] of svg.matchAll(/<(\/?)([a-zA-Z]+)(?:\s+[\w:-]+="[^"<]*")*\s*(\/?)>/g)) {
    if (own) continue;
    if (!closing) open.push(name!);
    else if (open.pop() !== name) throw new Error(`</${name}> closes another element`);
  }
  if (open.length > 0) throw new Error(`not closed: ${open}`);
  if (/&(?!(amp|lt|gt|quot|apos|#\d+);)/.test(svg)) throw new Error('a bare ampersand');
}

function read(svg: string) {
  const { document } = parseHTML(
    `<!doctype html><html><body>${svg.slice(svg.indexOf('<svg'))}</body></html>`,
  );
  return {
    lines: [...document.querySelectorAll('g[aria-label="line"] path')] as unknown as {
      getAttribute(name: string): string;
    }[],
    text: document.body.textContent as string,
  };
}

describe('drawTrainingCurve()', () => {
  it('draws one line and one legend entry for each level, on axes that are named', () => {
    const svg = drawTrainingCurve(points(900, 3), [0, 0.8, 0.925]);
    checkTags(svg);
    expect(svg).toMatch(
      /^<\?xml version="1.0" encoding="UTF-8"\?>\n<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/,
    );
    const { lines, text } = read(svg);
    expect(lines).toHaveLength(3);
    for (const words of [
      'iteration',
      'loss',
      'level 0: 0% sparse',
      'level 1: 80% sparse',
      'level 2: 92.5% sparse',
    ])
      expect(text).toContain(words);
  });

  it('stands alone: no script, style sheet or outer address', () => {
    const svg = drawTrainingCurve(points(30, 1), [0.9]);
    expect(svg).not.toMatch(/<script|<style|href|url\(/);
  });

  it('stays small after a long training', () => {
    expect(drawTrainingCurve(points(100_000, 3), [0, 0.8, 0.9]).length).toBeLessThan(60_000);
  });

  it('draws what there is after one step, or none, or steps whose loss is no number', () => {
    checkTags(drawTrainingCurve([], [0, 0.8]));
    checkTags(drawTrainingCurve(points(1, 1), [0, 0.8]));
    const svg = drawTrainingCurve([...points(20, 1), { iteration: 20, level: 0, loss: Number.NaN }], [0]);
    checkTags(svg);
    expect(svg).not.toContain('NaN');
  });
});
