import { parentPort, workerData } from 'node:worker_threads';
import { startLoopProbe } from './loop-probe.ts';
import { openSchedulerClock } from './scheduler-clock.ts';

/** Has nothing to do but to watch its own event loop; tells of it when it is asked, and ends. */
const probe = startLoopProbe(openSchedulerClock(workerData as string), () => performance.now());
parentPort?.once('message', () => {
  probe.stop();
  parentPort?.postMessage(probe.total);
});
