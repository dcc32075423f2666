import { setFlagsFromString } from 'node:v8';

/**
 * Lets the garbage collector's short passes do all their work on the thread that they stop. By default that thread waits for helper threads: where the
 * work beside has the cores, for tens of milliseconds, though some milliseconds of work are all there is. For a program that is an agent, before its load.
 * V8 looks at the flags at each pass (NumberOfScavengeTasks in scavenger.cc, RequestSweep in array-buffer-sweeper.cc); of one that it does not know it only says so.
 */
export function collectHere(): void {
  setFlagsFromString('--no-parallel-scavenge');
  setFlagsFromString('--no-concurrent-array-buffer-sweeping');
}
