import { styleText } from 'node:util';
import { formatTable } from '../../terminal/table.ts';
import type { DeviceRecord } from '../device-record.ts';
import { busyShare, deadlineHitRatio, deadlineMisses, hottestC } from '../readings.ts';
import type { Roster, SwapRecord } from '../roster.ts';
import { clip, printable } from './printable.ts';
import { duration, milliseconds, percent, shareBars } from './quantities.ts';

export type ViewState = {
  roster: Pick<Roster, 'devices' | 'swaps' | 'badMessages' | 'refusedDevices'>;
  brokerUrl: string;
  brokerConnected: boolean;
  mqtt: string | null;
  httpUrl: string;
  /** The last warning, for a while. */
  notice: string | null;
  /** Of the monitor's monotonic clock. */
  nowMs: number;
  wallMs: (ms: number) => number;
  columns: number;
  rows: number;
  color: boolean;
};

type Style = 'green' | 'red' | 'yellow' | 'dim' | 'bold';
type Paint = (style: Style, text: string) => string;

type RosterColumn = {
  head: string;
  align?: 'right';
  width: number;
  /** Greater ones go first where the terminal is narrow. */
  drop: number;
  cell: (record: DeviceRecord, nowMs: number) => string;
};

const nameWidthMax = 28;
const swapLinesMax = 5;
const gap = 2;

const celsius = (tempC: number | null) => (tempC === null ? '-' : `${tempC.toFixed(0)} C`);

function requestRate({ telemetry }: DeviceRecord): string {
  if (telemetry === null) return '-';
  const perS = telemetry.requests / telemetry.windowS;
  return perS < 10 ? perS.toFixed(1) : perS.toFixed(0);
}

const measures: RosterColumn[] = [
  { head: 'level', align: 'right', width: 5, drop: 0, cell: ({ telemetry }) => `${telemetry?.level ?? '-'}` },
  // "fixed" holds its level whatever happens: an operator must see that such a device does not adapt.
  {
    head: 'policy',
    width: 8,
    drop: 1,
    cell: ({ telemetry }) => clip(printable(telemetry?.policy ?? '-'), 8),
  },
  {
    head: 'share',
    width: 6,
    drop: 5,
    cell: ({ telemetry }) => (telemetry ? shareBars(telemetry.levelShare) : '-'),
  },
  {
    head: 'met',
    align: 'right',
    width: 5,
    drop: 0,
    cell: ({ telemetry }) => percent(telemetry && deadlineHitRatio(telemetry)),
  },
  {
    head: 'late',
    align: 'right',
    width: 5,
    drop: 6,
    cell: ({ telemetry }) => `${telemetry ? deadlineMisses(telemetry) : '-'}`,
  },
  {
    head: 'acc',
    align: 'right',
    width: 4,
    drop: 5,
    cell: ({ telemetry }) => percent(telemetry?.expectedAccuracy ?? null),
  },
  {
    head: 'deadline',
    align: 'right',
    width: 8,
    drop: 6,
    cell: ({ telemetry }) => milliseconds(telemetry?.deadlineMs ?? null),
  },
  {
    head: 'p50',
    align: 'right',
    width: 8,
    drop: 4,
    cell: ({ telemetry }) => milliseconds(telemetry?.latencyP50Ms ?? null),
  },
  {
    head: 'p99',
    align: 'right',
    width: 8,
    drop: 1,
    cell: ({ telemetry }) => milliseconds(telemetry?.latencyP99Ms ?? null),
  },
  { head: 'req/s', align: 'right', width: 6, drop: 3, cell: requestRate },
  {
    head: 'cpu',
    align: 'right',
    width: 4,
    drop: 2,
    cell: ({ telemetry }) => percent(telemetry && busyShare(telemetry.readings)),
  },
  {
    head: 'temp',
    align: 'right',
    width: 5,
    drop: 2,
    cell: ({ telemetry }) => celsius(telemetry && hottestC(telemetry.readings)),
  },
  { head: 'swaps', align: 'right', width: 5, drop: 4, cell: ({ swaps }) => `${swaps}` },
  { head: 'lost msgs', align: 'right', width: 9, drop: 7, cell: ({ lostMessages }) => `${lostMessages}` },
  {
    head: 'seen',
    align: 'right',
    width: 6,
    drop: 3,
    cell: ({ lastSeenMs }, nowMs) => (lastSeenMs === null ? '-' : duration(nowMs - lastSeenMs)),
  },
];

const stateStyles = { online: 'green', stale: 'yellow', offline: 'red' } as const;
const stateWords = { online: 'online', stale: 'silent', offline: 'offline' } as const;

/** Leaves out columns, the dearest last, until the rest fits into `width`. */
function fitColumns(width: number): RosterColumn[] {
  let columns = measures;
  while (columns.reduce((sum, column) => sum + gap + column.width, 0) > width) {
    const least = Math.max(...columns.map((column) => column.drop));
    if (least === 0) return columns;
    columns = columns.filter((column) => column.drop < least);
  }
  return columns;
}

function rosterTable(state: ViewState, records: DeviceRecord[], paint: Paint): string {
  const manyFleets = new Set(records.map(({ fleet }) => fleet)).size > 1;
  const names = records.map(({ fleet, device }) => printable(manyFleets ? `${fleet}/${device}` : device));
  const longest = Math.max(6, ...names.map((name) => [...name].length));
  // State and the two dearest columns need 24; the name takes what is left.
  const nameWidth = Math.max(6, Math.min(longest, nameWidthMax, state.columns - 24));
  const columns = fitColumns(state.columns - nameWidth - gap - stateWords.offline.length);
  const rows = records.map((record, i) => {
    const cells = columns.map(({ cell }) => cell(record, state.nowMs));
    const word = paint(stateStyles[record.state], stateWords[record.state]);
    // The measures of a device that is gone are old.
    const shown = record.state === 'online' ? cells : cells.map((cell) => paint('dim', cell));
    return [clip(names[i] ?? '', nameWidth), word, ...shown];
  });
  const heads = [{ head: 'device' }, { head: 'state' }, ...columns];
  const [head, ...body] = formatTable(heads, rows).split('\n');
  return [paint('dim', head ?? ''), ...body].join('\n');
}

function swapLine(
  { fleet, device, seenMs, swap }: SwapRecord,
  { columns, wallMs }: ViewState,
  paint: Paint,
): string {
  const time = new Date(wallMs(seenMs)).toTimeString().slice(0, 8);
  const plain = clip(
    printable(`${fleet}/${device}  ${swap.from} → ${swap.to}  ${swap.reason}`),
    columns - time.length - gap,
  );
  return `${paint('dim', time)}  ${plain}`;
}

function headLines(state: ViewState, records: DeviceRecord[], paint: Paint): string[] {
  const count = (wanted: DeviceRecord['state']) => records.filter((record) => record.state === wanted).length;
  const counts = (['online', 'stale', 'offline'] as const)
    .filter((wanted) => count(wanted) > 0)
    .map((wanted) => paint(stateStyles[wanted], `${count(wanted)} ${stateWords[wanted]}`));
  const broker = state.brokerConnected
    ? `${state.brokerUrl}${state.mqtt === null ? '' : ` (MQTT ${state.mqtt})`}`
    : `${state.brokerUrl} - not connected, trying again`;
  return [
    [paint('bold', 'ebb fleet'), ...counts].join('  '),
    clip(`broker ${broker}`, state.columns),
    clip(`http   ${state.httpUrl}/api/devices`, state.columns),
  ];
}

/** The roster as lines for a terminal of `columns` times `rows`. */
export function renderRoster(state: ViewState): string {
  const paint: Paint = (style, text) =>
    state.color ? styleText(style, text, { validateStream: false }) : text;
  const records = state.roster.devices();
  const { badMessages, refusedDevices } = state.roster;
  const troubles = [
    ...(badMessages > 0 ? [`${badMessages} bad messages`] : []),
    ...(refusedDevices > 0 ? [`${refusedDevices} messages of devices beyond the limit`] : []),
    ...(state.notice === null ? [] : [printable(state.notice)]),
  ];
  const lines = [...headLines(state, records, paint), ''];
  if (records.length === 0) {
    lines.push('No device yet. Start one with:', '', `  ebb run BUNDLE --broker ${state.brokerUrl}`);
  } else {
    // Devices come first; swaps get the lines that are left. Not for them: table head, title of the
    // swaps and the blank line above, the last line of the terminal, and what troubles need.
    const free = state.rows - lines.length - 4 - (troubles.length > 0 ? 2 : 0);
    const room = records.length <= free - 1 ? records.length : Math.max(1, free - 2);
    const left = free - room - (room < records.length ? 1 : 0);
    const swaps = state.roster.swaps().slice(0, Math.max(0, Math.min(swapLinesMax, left)));
    lines.push(rosterTable(state, records.slice(0, room), paint));
    if (records.length > room) lines.push(paint('dim', `and ${records.length - room} more`));
    if (swaps.length > 0)
      lines.push('', paint('dim', 'latest swaps'), ...swaps.map((swap) => swapLine(swap, state, paint)));
  }
  if (troubles.length > 0) lines.push('', paint('yellow', clip(troubles.join('; '), state.columns)));
  return lines.join('\n');
}
