import { formatTable } from '../../terminal/table.ts';
import { type BatteryOutcome, batteryPolicies } from './battery-scenarios.ts';
import type { Comparison, Summary } from './compare.ts';

const percent = (share: number, digits = 2) => `${(100 * share).toFixed(digits)}%`;
const right = (head: string) => ({ head, align: 'right' as const });

function row(summary: Summary): string[] {
  const { policy, hitShare, ofOracle, accuracy, energyJ, swaps, relievedShare, changesShare } = summary;
  const share = (value: number | undefined) => (value === undefined ? '-' : percent(value, 1));
  return [
    policy,
    percent(hitShare),
    percent(ofOracle),
    percent(accuracy),
    energyJ === undefined ? '-' : (energyJ / 1000).toFixed(2),
    swaps === undefined ? '-' : String(swaps),
    share(relievedShare),
    share(changesShare),
  ];
}

const columns = [
  { head: 'policy' },
  right('deadlines met'),
  right("of oracle's"),
  right('accuracy'),
  right('kJ'),
  right('swaps'),
  right('relieved'),
  right('level changes'),
];

export function formatComparison(comparison: Comparison): string {
  const { traces, requests, simulatedS, overall, byKind } = comparison;
  const kinds = byKind.flatMap(({ kind, traces: count, summaries }) =>
    summaries.map((summary) => [`${kind} (${count})`, ...row(summary)]),
  );
  return [
    formatTable([{ head: 'traces' }, ...columns], kinds),
    '',
    formatTable(columns, overall.map(row)),
    '',
    `${traces} traces, ${requests.toLocaleString('en-US')} requests, ${(simulatedS / 3600).toFixed(1)} h a policy. The oracle knows the trace and refuses what would be late;`,
    'its accuracy is that of its answers in time. Relieved: answers by a sparser level than the active one, without a swap.',
  ].join('\n');
}

export function formatBattery(outcomes: BatteryOutcome[]): string {
  const rows = batteryPolicies.map((policy) => {
    const possible = outcomes.filter(({ isPossible }) => isPossible);
    const met = possible.filter(({ lasted }) => lasted[policy] >= 0.97).length;
    const mean = (of: (one: BatteryOutcome) => number) =>
      possible.reduce((sum, one) => sum + of(one), 0) / possible.length;
    return [
      policy,
      `${met} of ${possible.length}`,
      percent(Math.min(...possible.map(({ lasted }) => lasted[policy])), 1),
      percent(mean(({ accuracy }) => accuracy[policy])),
      percent(
        mean(({ left }) => left[policy]),
        1,
      ),
    ];
  });
  const heads = [
    { head: 'battery' },
    right('lasts 97% of the time'),
    right('shortest'),
    right('accuracy'),
    right('left over'),
  ];
  return `${formatTable(heads, rows)}\n\n${outcomes.length} batteries, of which the sparsest level can make ${outcomes.filter(({ isPossible }) => isPossible).length} last`;
}
