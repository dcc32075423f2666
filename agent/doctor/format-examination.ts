import type { Finding } from '../../terminal/finding.ts';
import { formatTable } from '../../terminal/table.ts';
import type { Reading } from '../sense/sensor.ts';
import type { Examination } from './examine.ts';

/** Readings that are either the case or not. */
const flags = new Set([
  'battery_discharging',
  'gpu_throttled',
  'mains_online',
  'pi_frequency_capped',
  'pi_soft_temperature_limit',
  'pi_throttled',
  'pi_trouble_since_boot',
  'pi_under_voltage',
]);

const bytes = (value: number) =>
  value >= 2 ** 30 ? `${(value / 2 ** 30).toFixed(1)} GiB` : `${(value / 2 ** 20).toFixed(0)} MiB`;
const hertz = (value: number) =>
  value >= 1e9 ? `${(value / 1e9).toFixed(2)} GHz` : `${(value / 1e6).toFixed(0)} MHz`;

/** A reading's value as people read it. */
export function formatValue({ name, value, unit, note }: Reading): string {
  const shown: Record<string, () => string> = {
    ratio: () => (flags.has(name) ? (value > 0 ? 'yes' : 'no') : `${(value * 100).toFixed(1)}%`),
    bytes: () => bytes(value),
    celsius: () => `${value.toFixed(1)} C`,
    watts: () => `${value.toFixed(2)} W`,
    hertz: () => hertz(value),
    count: () => String(value),
    id: () => String(value),
  };
  const text = shown[unit]?.() ?? `${value} ${unit}`;
  return note === undefined ? text : `${text} (${note})`;
}

/** A character that stands for a space at which no line may be broken: what wraps lines breaks at real ones, of any kind. */
const held = '\uE000';

/** A sensor's readings in one line; where a name comes again and again, as with the zones of `temperature`, it is told once. */
function formatReadings(readings: readonly Reading[]): string {
  const texts = readings.map((reading, index) => {
    // The zone's number says nothing beside its type.
    const label = Object.entries(reading.labels ?? {}).flatMap(([key, text]) =>
      key === 'zone' ? [] : [text],
    );
    const isAgain = reading.name === readings[index - 1]?.name;
    const parts = [...(isAgain ? [] : [reading.name]), ...label, formatValue(reading)];
    return parts.join(' ').replaceAll(' ', held);
  });
  return texts.join(', ');
}

const plain = (...heads: string[]) => heads.map((head) => ({ head }));

function factsOf({ ebb, node, identity, isRecorded, platform }: Examination): string[][] {
  const { soc, maxHz, l4t, jetpack, container } = platform;
  const { cores, board = 'unknown', os = 'unknown', memoryBytes } = identity;
  const cpu = [
    identity.cpu ?? 'unknown',
    ...(cores === undefined ? [] : [`${cores} CPU${cores === 1 ? '' : 's'}`]),
    ...(identity.arch === undefined ? [] : [identity.arch]),
  ].join(', ');
  return [
    ['model', board],
    ...(soc === undefined ? [] : [['chip', soc]]),
    ['cpu', maxHz === undefined ? cpu : `${cpu}, up to ${hertz(maxHz)}`],
    ['memory', memoryBytes === undefined ? 'unknown' : bytes(memoryBytes)],
    ['system', os],
    ...(l4t === undefined
      ? []
      : [['jetson linux', jetpack === undefined ? l4t : `${l4t} (JetPack ${jetpack})`]]),
    ['container', container ?? (isRecorded ? 'unknown' : 'none')],
    ['ebb', `${ebb}, Node ${node}${isRecorded ? ': of this machine, as engines and trainers are' : ''}`],
  ];
}

/**
 * What the machine has, as text: identity, sensors, engines, what holds threads back, and a cure for all that is missing.
 * @param width no line is longer, but for words that are.
 */
export function formatExamination(found: Examination, width = 80): string {
  const sensors = found.sensors.map((report) => [
    report.sensor,
    report.readings.length > 0 ? 'ok' : report.success ? 'none' : 'failed',
    report.readings.length > 0 ? formatReadings(report.readings) : (report.noData ?? 'no data'),
  ]);
  const finding = ({ name, ok, text }: Finding) => [name, ok ? 'ok' : 'none', text];
  const threads = ({ name, ok, text }: Finding) => [name, ok ? 'ok' : 'slow', text];
  const cures = [
    ...found.sensors.map(({ sensor, cure }) => ({ name: sensor, cure })),
    ...found.engines,
    ...found.throttling,
    ...found.trainers,
  ].flatMap(({ name, cure }) => (cure === undefined ? [] : [[name, cure]]));
  return [
    formatTable(plain('machine', ''), factsOf(found), width),
    formatTable(plain('sensor', '', 'now'), sensors, width),
    formatTable(plain('engine', '', ''), found.engines.map(finding), width),
    formatTable(plain('threads', '', ''), found.throttling.map(threads), width),
    formatTable(plain('trainer', '', ''), found.trainers.map(finding), width),
    ...(cures.length > 0 ? [formatTable(plain('what', 'cure'), cures, width)] : []),
  ]
    .join('\n\n')
    .replaceAll(held, ' ');
}
