import { type LongTurn, type LoopDelays, startLoopProbe } from './loop-probe.ts';
import { openSchedulerClock } from './scheduler-clock.ts';
import { startIdleThread } from './start-idle-thread.ts';

/** What was seen of an event loop. */
export type WatchedLoops = {
  loop: LoopDelays;
  /** Of a thread beside it that has nothing to do, in the same time. */
  idle: LoopDelays;
  longestTurns: readonly LongTurn[];
  /** Whether the system tells how long a thread waits for a processor; where it does not, all of a turn's delay counts as blocked. */
  knowsScheduler: boolean;
};

export type LoopWatch = {
  /** Of this thread's loop since the last call. */
  take(): LoopDelays;
  /** Of all the time so far; the idle thread ends with it. */
  end(): Promise<WatchedLoops>;
  stop(): Promise<void>;
};

/**
 * Watches the event loop of the thread that calls this, and that of an idle one.
 * @param root folder that holds `proc/`.
 */
export function watchLoops(root: string): LoopWatch {
  const clock = openSchedulerClock(root);
  const idleThread = startIdleThread(root);
  const probe = startLoopProbe(clock, () => performance.now());
  return {
    take: () => probe.take(),
    async end() {
      const { total: loop, longest } = probe;
      const knowsScheduler = clock.read() !== undefined;
      return { loop, longestTurns: [...longest], knowsScheduler, idle: await idleThread.end() };
    },
    async stop() {
      probe.stop();
      clock.close();
      await idleThread.stop();
    },
  };
}
