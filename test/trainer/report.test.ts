import { describe, expect, it } from 'vitest';
import { wilsonInterval } from '../../bundle/level-accuracy.ts';
import { levelColors } from '../../trainer/curve/level-colors.ts';
import { html, trusted } from '../../trainer/report/html.ts';
import { duration, large } from '../../trainer/report/numbers.ts';
import { createRunCurves } from '../../trainer/report/run-curves.ts';
import { writeRunReport } from '../../trainer/report/run-report.ts';
import { macsScale } from '../../trainer/report/scales.ts';
import { checkPage } from './check-page.ts';
import { sampleCurves, sampleReport } from './sample-report.ts';

describe('writeRunReport()', () => {
  it('shows levels, charts, density, cost and settings, and stands alone', () => {
    const { text, document } = checkPage(writeRunReport(sampleReport()));
    for (const words of [
      'shapes-resnet8',
      'level 0: 0% sparse',
      'level 1: 80% sparse',
      'level 2: 92.5% sparse',
      '9,000,000',
      '1,800,000 20.0%',
      '319.0 kB',
      'accuracy, test',
      '89.00%',
      '1,780 of 2,000',
      'Accuracy against multiply-accumulates',
      'multiply-accumulates for one sample (millions)',
      'Loss over training',
      'held-out accuracy (%)',
      'tensors in conflict (%)',
      '1,200 of 4,800 (25%)',
      'block1.conv1',
      '3 × 3 × 16 × 16',
      '7.5%',
      '6 min 20 s',
      '726 samples/s',
      '7.73 trillion',
      '392 MB',
      'WebAssembly',
      'gradient correction',
    ])
      expect(text).toContain(words);
    const charts = [...document.querySelectorAll('svg[role="img"]')];
    expect(charts).toHaveLength(4);
    const lines = charts.map((chart) => chart.querySelectorAll('g[aria-label="line"] path').length);
    // The levels of one net are joined by one line; the first of a group is not compared.
    expect(lines).toEqual([1, 3, 3, 2]);
  });

  it('takes its colours from the one palette', () => {
    const body = writeRunReport(sampleReport()).split('</style>')[1]!;
    const colours = new Set(body.match(/#[0-9a-f]{6}/gi));
    expect([...colours].sort()).toEqual(levelColors.slice(0, 3).toSorted());
  });

  it('escapes whatever names, labels and settings hold', () => {
    const evil = `</style><script>alert("1")</script>'&`;
    const report = sampleReport();
    report.name = evil;
    report.summary.settings.data = evil;
    report.summary.density[0]!.layer = evil;
    for (const level of report.summary.levels) Object.assign(level.accuracy!, { data: evil, split: evil });
    const { text } = checkPage(writeRunReport(report));
    expect(text).toContain(evil);
  });

  it('says why there is no curve where nothing was held out, compared or counted', () => {
    const { text } = checkPage(writeRunReport(sampleReport({ validation: 0, correction: false })));
    expect(text).toContain('No training samples were held out');
    expect(text).toContain('Gradient correction was off');
    expect(checkPage(writeRunReport(sampleReport({ method: 'joint' }))).text).toContain(
      'Only alternating training compares',
    );
    const report = sampleReport();
    for (const level of report.summary.levels) delete level.accuracy;
    expect(checkPage(writeRunReport(report)).text).toContain('accuracy was not counted');
  });

  it('shows one level, one epoch, two steps, or none at all', () => {
    const { text } = checkPage(
      writeRunReport(sampleReport({ levels: '0.9', epochs: 1 }, { iterations: 200 })),
    );
    expect(text).toContain('level 0: 90% sparse');
    expect(text).toContain('There is one level alone');
    expect(text).toContain('1 epoch,');
    checkPage(writeRunReport(sampleReport({ epochs: 0.04 }, { iterations: 2 })));
    const none = sampleReport();
    none.curves = sampleCurves({ iterations: 0, epochs: 4, levels: 3 });
    expect(checkPage(writeRunReport(none)).text).toContain('Training was too short for a comparison');
  });

  it('stays small after a long training', () => {
    const page = writeRunReport(sampleReport({ epochs: 1000 }, { iterations: 100_000 }));
    expect(page.length).toBeLessThan(150_000);
  });
});

describe('createRunCurves()', () => {
  it('keeps a bounded number of points, the last epoch among them', () => {
    const { loss, validation, conflicts } = sampleCurves({ iterations: 30_000, epochs: 1000, levels: 2 });
    for (const points of [...loss, ...validation, conflicts[1]!]) {
      expect(points.length).toBeLessThanOrEqual(241);
      expect(points.length).toBeGreaterThan(100);
      expect(points.map(({ epoch }) => epoch)).toEqual(
        points.map(({ epoch }) => epoch).toSorted((a, b) => a - b),
      );
    }
    expect(validation[0]!.at(-1)).toEqual({ epoch: 1000, value: 0.8 });
    expect(conflicts[0]).toEqual([]);
  });

  it('gives the share of the compared tensors that were in conflict', () => {
    const { conflicts } = sampleCurves({ iterations: 3000, epochs: 1, levels: 3 });
    // Of three levels the second is in conflict at every step, with 4 of 8 tensors; the third never is.
    expect(conflicts[1]!.every(({ value }) => value === 0.5)).toBe(true);
    expect(conflicts[2]!.every(({ value }) => value === 0)).toBe(true);
  });

  it('leaves out a loss that is no number', () => {
    const reader = createRunCurves({ iterations: 2, epochs: 1, levels: 1 });
    for (const [iteration, loss] of [Number.NaN, 1.5].entries())
      reader.add(
        {
          kind: 'step',
          iteration,
          levels: [{ level: 0, loss, accuracy: 0 }],
          learning_rate: 0.1,
          conflicts: 0,
        },
        0,
      );
    expect(reader.curves().loss).toEqual([[{ epoch: 0.5, value: 1.5 }]]);
  });
});

describe('what pages are made of', () => {
  it('html escapes text and keeps pieces of HTML', () => {
    expect(html`<b title="${'"<'}">${'a & b'}${trusted('<i></i>')}${[html`${1}`, html`${2}`]}</b>`.html).toBe(
      '<b title="&quot;&lt;">a &amp; b<i></i>12</b>',
    );
  });

  it('numbers have a unit that suits them', () => {
    expect([3.21, 59.96, 380.2, 7322].map(duration)).toEqual(['3.2 s', '60.0 s', '6 min 20 s', '2 h 2 min']);
    expect([950, 7.734e12].map(large)).toEqual(['950', '7.73 trillion']);
  });

  it('an interval of a share never leaves 0 to 1', () => {
    const [low, high] = wilsonInterval(10, 10);
    expect(low).toBeCloseTo(0.722, 3);
    expect(high).toBe(1);
    expect(wilsonInterval(0, 10)[0]).toBe(0);
  });

  it('an axis of multiply-accumulates has round ticks in its domain, and at least one', () => {
    for (const macs of [[9_345_920, 1_726_126], [45_000], [45_000, 44_000], [1, 1e9]]) {
      const { scale } = macsScale(macs, 'MACs');
      const ticks = scale.ticks as number[];
      const [low, high] = scale.domain as [number, number];
      expect(ticks.length).toBeGreaterThan(0);
      expect(ticks.every((tick) => tick >= low && tick <= high)).toBe(true);
    }
  });
});
