import type { Finding } from '../../terminal/finding.ts';
import { formatTable } from '../../terminal/table.ts';
import type { Reading } from '../sense/sensor.ts';
import type { Examination } from './examine.ts';

/** A reading's value as people read it. */
export function formatReading({ name, value, unit, labels }: Reading): string {
  const label = Object.values(labels ?? {}).join(' ');
  const shown: Record<string, () => string> = {
    ratio: () => `${(value * 100).toFixed(1)}%`,
    bytes: () => `${(value / 2 ** 20).toFixed(0)} MiB`,
    celsius: () => `${value.toFixed(1)} C`,
    watts: () => `${value.toFixed(2)} W`,
    hertz: () => `${(value / 1e6).toFixed(0)} MHz`,
    count: () => String(value),
  };
  return `${name}${label ? ` (${label})` : ''} ${shown[unit]?.() ?? `${value} ${unit}`}`;
}

/** What the machine has, as text: identity, sensors, engines, and a cure beside all that is missing. */
export function formatExamination(found: Examination): string {
  const { identity } = found;
  const facts = [
    ['ebb', found.ebb],
    ['node', found.node],
    ['board', identity.board],
    ['system', identity.os],
    ['cpu', `${identity.cpu}, ${identity.cores} cores, ${identity.arch}`],
    ['memory', `${(identity.memoryBytes / 2 ** 30).toFixed(1)} GiB`],
  ];
  const plain = (...heads: string[]) => heads.map((head) => ({ head }));
  const sensors = found.sensors.map((report) => [
    report.sensor,
    report.readings.length > 0 ? 'ok' : report.success ? 'none' : 'failed',
    report.readings.length > 0 ? report.readings.map(formatReading).join(', ') : (report.noData ?? 'no data'),
  ]);
  const finding = ({ name, ok, text }: Finding) => [name, ok ? 'ok' : 'none', text];
  const cures = [
    ...found.sensors.map(({ sensor, cure }) => ({ name: sensor, cure })),
    ...found.engines,
    ...found.trainers,
  ].filter((entry) => entry.cure !== undefined);
  return [
    formatTable(plain('machine', ''), facts),
    formatTable(plain('sensor', '', 'now'), sensors),
    formatTable(plain('engine', '', ''), found.engines.map(finding)),
    formatTable(plain('trainer', '', ''), found.trainers.map(finding)),
    ...(cures.length > 0
      ? [
          formatTable(
            plain('missing', 'cure'),
            cures.map(({ name, cure }) => [name, cure ?? '']),
          ),
        ]
      : []),
  ].join('\n\n');
}
