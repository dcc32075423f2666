import { quantile } from '../../../agent/quantile.ts';
import { formatTable } from '../../../terminal/table.ts';
import { describeFailures, formatPhaseTable } from '../../track/phase-table.ts';
import type { LoopBenchResult, LoopReaction, LoopRow } from './loop-bench.ts';
import { sufficientShare } from './reaction.ts';

const median = (values: number[]) => {
  const known = values.filter((value) => !Number.isNaN(value));
  return known.length === 0 ? Number.NaN : quantile(known, 0.5);
};

/** One row for all rounds: the median of each number; requests and errors are added up. */
export function mergeRounds(rows: readonly LoopRow[]): LoopRow[] {
  const groups = new Map<string, LoopRow[]>();
  for (const row of rows) {
    const key = [row.stressor, row.policy, row.phase].join();
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return Array.from(groups.values(), (group) => {
    const of = (pick: (row: LoopRow) => number) => median(group.map(pick));
    const sum = (pick: (row: LoopRow) => number) => group.reduce((total, row) => total + pick(row), 0);
    return {
      ...group[0],
      requests: sum(({ requests }) => requests),
      errors: sum(({ errors }) => errors),
      deadlineHits: of(({ deadlineHits }) => deadlineHits),
      latencyP50Ms: of(({ latencyP50Ms }) => latencyP50Ms),
      latencyP99Ms: of(({ latencyP99Ms }) => latencyP99Ms),
      lateP99Ms: of(({ lateP99Ms }) => lateP99Ms),
      levelShare: group[0].levelShare.map((_, level) => of(({ levelShare }) => levelShare[level])),
      accuracy: of(({ accuracy }) => accuracy),
      swaps: of(({ swaps }) => swaps),
    };
  });
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;

/** Where no level sufficed, the time to the best one is in brackets: hardly more than that says which it was. */
const ifSufficient = (share: number, text: string) => (share >= sufficientShare ? text : `(${text})`);

function formatReactions(reactions: readonly LoopReaction[]): string {
  const right = (head: string) => ({ head, align: 'right' as const });
  return formatTable(
    [
      { head: 'stressor' },
      right('round'),
      right('level at onset'),
      right('sufficient level'),
      right('onset to first answer there'),
      right('onset to sufficient swap'),
      right('to level'),
      right('missed before it'),
      right('end to swap back up'),
    ],
    reactions.map(({ stressor, round, onsetLevel, sufficient, down, reliefMs, before, up }) => [
      stressor,
      String(round),
      String(onsetLevel),
      `${sufficient.level} (met ${(100 * sufficient.share).toFixed(1)}%)`,
      reliefMs === undefined ? '-' : seconds(reliefMs),
      typeof down === 'string' ? down : ifSufficient(sufficient.share, seconds(down.ms)),
      typeof down === 'string' ? '-' : String(down.level),
      `${before.missed} of ${before.requests}`,
      typeof up === 'string' ? up : seconds(up.ms),
    ]),
  );
}

/** The tables as they are printed, with what is needed to read them. */
export function formatLoopBench(result: LoopBenchResult): string {
  const { rows, reactions, deadlineMs, requestsPerS, capacityPerS } = result;
  const rounds = Math.max(...rows.map(({ round }) => round));
  const late = (phase: string) =>
    Math.max(...rows.filter((row) => row.phase === phase).map(({ lateP99Ms }) => lateP99Ms));
  const head = [
    result.machine,
    `${result.model}, ${result.batch} inputs a request; calibrated medians ${result.medianMs.map((ms) => ms.toFixed(1)).join(', ')} ms${result.calibrationWarning === undefined ? '' : ` (warning: ${result.calibrationWarning})`}`,
    `Poisson arrivals, ${requestsPerS.toFixed(1)} requests/s: ${Math.round((100 * requestsPerS) / capacityPerS)}% of the ${capacityPerS.toFixed(1)} that level 0 answers at most; deadline ${deadlineMs} ms`,
    `the load generator shares the cores: it used ${result.generatorCores.toFixed(2)} of one, and was late by at most ${late('calm').toFixed(1)} ms (p99) in calm, ${late('stress').toFixed(1)} ms under stress, which the latencies hold`,
    ...result.stressors.map(({ name, what }) => `${name}: ${what}`),
    ...result.missing.map(({ why }) => why),
  ];
  const failures = describeFailures(rows);
  const notes = [
    ...(failures === undefined ? [] : [failures]),
    rounds > 1 ? `${rounds} rounds: medians, requests added up` : '1 round',
    `A level is sufficient where ${100 * sufficientShare}% of the requests that came while it was active under the stress met the deadline, in all three runs; where none was, the one that met the most stands there, and the time in brackets. First answer there: in time, by that level or a sparser one, also without a swap: the agent relieves single requests. The onset is the moment before the stressor is started, its end the moment before it is stopped.`,
    ...result.pictures.map((picture) => `Every request over time: ${picture}`),
  ];
  const table = formatPhaseTable(mergeRounds(rows), [{ head: 'stressor', cell: ({ stressor }) => stressor }]);
  return `${head.join('\n')}\n\n${table}\n\n${formatReactions(reactions)}\n\n${notes.join('\n')}`;
}
