import { describe, expect, it } from 'vitest';
import { accuracyByMacs } from '../../lab/bench/ast/ast-bench-charts.ts';
import { writeAstBenchPage } from '../../lab/bench/ast/ast-bench-page.ts';
import { formatAstBench } from '../../lab/bench/ast/format-ast-bench.ts';
import { svgDocument } from '../../trainer/report/chart.ts';
import { checkPage, checkTags } from '../trainer/check-page.ts';
import { sampleAstResult } from './sample-ast-result.ts';

describe('the page of ebb lab bench ast', () => {
  it('shows every method, level, rate and variation, and stands alone', () => {
    const result = sampleAstResult();
    const { text, document } = checkPage(writeAstBenchPage(result));
    for (const { name } of [...result.methods, ...result.variations]) expect(text).toContain(name);
    for (const words of [
      '80% sparse',
      '88.30 ± 0.30',
      '7.73',
      '23.19',
      '3.00',
      '35%',
      '6,465',
      'Example CPU',
    ])
      expect(text).toContain(words);
    expect([...document.querySelectorAll('b')].map((bold) => bold.textContent)).toEqual([
      '88.00',
      '88.50',
      '90.00',
      '90.00',
    ]);
    expect(document.querySelectorAll('svg[role="img"]')).toHaveLength(3);
    expect(document.querySelectorAll('tbody tr')).toHaveLength(4 + 4 + 1);
  });

  it('says the same numbers as the terminal', () => {
    const result = sampleAstResult();
    const { document } = checkPage(writeAstBenchPage(result));
    const lines = formatAstBench(result).split('\n');
    for (const [i, row] of [...document.querySelectorAll('tbody tr')].slice(0, 4).entries()) {
      const cells = [...row.querySelectorAll('td')].map((cell) => cell.textContent ?? '');
      const line = lines.find((text) => text.startsWith(result.methods[i]!.name));
      for (const cell of cells) expect(line).toContain(cell);
    }
  });

  it('shows what there is after the first method, with one seed and one rate', () => {
    const result = sampleAstResult();
    const [first] = result.methods;
    const one = {
      ...first!,
      grid: first!.grid.slice(0, 1),
      test: first!.test.map((accuracies) => accuracies.slice(0, 1)),
    };
    const { text } = checkPage(writeAstBenchPage({ ...result, methods: [one], variations: [] }));
    expect(text).toContain('None were run, or not yet');
  });

  it('escapes whatever names hold', () => {
    const result = sampleAstResult();
    const evil = `<img src=x onerror="1">&'`;
    result.machine = evil;
    result.setup.data.name = evil;
    result.methods[0]!.name = evil;
    result.variations[0]!.name = evil;
    const page = writeAstBenchPage(result);
    checkTags(page);
    expect(page).not.toContain('<img');
    expect(svgDocument(accuracyByMacs(result))).not.toContain('<img');
  });
});

describe('the figure of ebb lab bench ast', () => {
  it('is an SVG document of its own on white, with a legend, well formed as XML', () => {
    const result = sampleAstResult();
    const svg = svgDocument(accuracyByMacs(result));
    checkTags(svg);
    expect(svg).toMatch(
      /^<\?xml version="1.0" encoding="UTF-8"\?>\n<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/,
    );
    for (const [tag] of svg.matchAll(/<[a-z][^>]*>/g)) {
      const names = [...tag.matchAll(/\s([\w:-]+)="/g)].map(([, name]) => name);
      expect(new Set(names).size).toBe(names.length);
    }
    expect(svg).toContain('fill="#ffffff"');
    expect(svg).not.toMatch(/<script|<style|href|url\(|var\(|NaN/);
    for (const { name } of result.methods) expect(svg).toContain(name);
  });
});
