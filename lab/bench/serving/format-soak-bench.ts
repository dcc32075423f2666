import { formatTable } from '../../../terminal/table.ts';
import type { LongTurn, LoopDelays } from './loop-probe.ts';
import type { MemoryTrend } from './memory-trend.ts';
import type { SoakBenchResult } from './soak-bench.ts';
import type { SoakMinute } from './soak-minutes.ts';

/** What ebb wants of itself. */
const aim = 'aim: memory flat, event loop never blocked above 20 ms';

const mb = (bytes: number) => (bytes / 1e6).toFixed(0);
const signed = (value: number, digits: number) => `${value < 0 ? '' : '+'}${value.toFixed(digits)}`;

function formatMinutes(minutes: readonly SoakMinute[]): string {
  const heads = [
    'minute',
    'answers/s',
    'refusals/s',
    'swaps',
    'RSS MB',
    'heap MB',
    'late max ms',
    'p99.9',
    'blocked max ms',
    'p99.9',
    'not scheduled ms',
  ];
  return formatTable(
    heads.map((head) => ({ head, align: 'right' })),
    minutes.map((minute, index) => [
      String(index + 1),
      (minute.answered / minute.seconds).toFixed(0),
      (minute.refused / minute.seconds).toFixed(0),
      String(minute.swaps),
      mb(minute.rssBytes),
      mb(minute.heapBytes),
      minute.lateMaxMs.toFixed(1),
      minute.lateP999Ms.toFixed(1),
      minute.blockedMaxMs.toFixed(1),
      minute.blockedP999Ms.toFixed(1),
      minute.notScheduledMs.toFixed(0),
    ]),
  );
}

function formatTrend(what: string, { firstBytes, lastBytes, bytesPerMinute }: MemoryTrend): string {
  const growth = (100 * (lastBytes - firstBytes)) / firstBytes;
  return `${what} ${mb(firstBytes)} MB in the first quarter, ${mb(lastBytes)} MB in the last (${signed(growth, 1)}%), ${signed(bytesPerMinute / 1e6, 2)} MB a minute`;
}

function formatLoop({ lateMaxMs, blockedMaxMs, ownMaxMs }: LoopDelays): string {
  const [late, blocked, own] = [lateMaxMs, blockedMaxMs, ownMaxMs].map((ms) => ms.toFixed(1));
  return `late by at most ${late} ms, blocked for at most ${blocked} ms, by its own work for at most ${own} ms`;
}

/** "12.4 ms at 3.1 s (ran 11.0, not scheduled 20.3)" */
function formatTurn({ blockedMs, atS, ranMs, notScheduledMs }: LongTurn): string {
  const ran = ranMs === undefined ? '' : `ran ${ranMs.toFixed(1)}, `;
  return `${blockedMs.toFixed(1)} ms at ${atS.toFixed(1)} s (${ran}not scheduled ${notScheduledMs.toFixed(1)})`;
}

export function formatSoakBench(result: SoakBenchResult): string {
  const { machine, seconds, deadlineMs, inFlight, minutes, requests, swaps, memory, loop, idle } = result;
  const { answered, refused, errors, different } = requests;
  return [
    formatMinutes(minutes),
    '',
    `${machine}; ${seconds} s after ${result.warmUpSeconds} s of warm-up, ${inFlight.http} requests in flight over HTTP and ${inFlight.library} by the library, deadline ${deadlineMs} ms.`,
    `Answers: ${answered}, of which ${different} differ from their level's own; ${refused} refused (503); ${errors} errors; ${swaps} swaps.`,
    memory === undefined
      ? 'Memory: the run was too short to tell.'
      : `Memory: ${formatTrend('RSS', memory.rss)}; ${formatTrend('what collections leave of the heap', memory.heapLeft)}.`,
    `Event loop: ${formatLoop(loop)}. A thread beside it with nothing to do: ${formatLoop(idle)}.`,
    `Blocked: late, less what the thread waited for a processor${result.knowsScheduler ? '' : ', which this system does not tell'}.`,
    `Longest turns: ${result.longestTurns.slice(0, 3).map(formatTurn).join('; ')}.`,
    `(${aim})`,
  ].join('\n');
}
