import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';

/** Since the thread's start, in milliseconds. */
export type SchedulerTimes = { ranMs: number; waitedMs: number };

export type SchedulerClock = {
  /** Undefined where the system does not tell. */
  read(): SchedulerTimes | undefined;
  close(): void;
};

/**
 * What the scheduler knows of the thread that calls this: how long it ran, and how long it was ready and had no processor.
 * Source: Linux, Documentation/scheduler/sched-stats.rst, "/proc/<pid>/schedstat"; the time it ran is as of its last tick.
 * @param root folder that holds `proc/`.
 */
export function openSchedulerClock(root: string): SchedulerClock {
  const file = openOrNone(join(root, 'proc/thread-self/schedstat'));
  const buffer = Buffer.alloc(128);
  return {
    read() {
      if (file === undefined) return undefined;
      return parseSchedstat(buffer.toString('latin1', 0, readSync(file, buffer, 0, buffer.length, 0)));
    },
    close() {
      if (file !== undefined) closeSync(file);
    },
  };
}

function openOrNone(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined;
  }
}

/** Two counts of nanoseconds, and one of time slices. */
export function parseSchedstat(text: string): SchedulerTimes | undefined {
  const [ranNs, waitedNs] = text.trim().split(' ').map(Number);
  if (ranNs === undefined || waitedNs === undefined || !Number.isFinite(ranNs + waitedNs)) return undefined;
  return { ranMs: ranNs / 1e6, waitedMs: waitedNs / 1e6 };
}
