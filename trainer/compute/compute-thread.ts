// A thread that computes jobs one after the other on its own copy of the back end; `compute-pool.ts` starts it.
import { parentPort, workerData } from 'node:worker_threads';
import { openBackend } from '../backend/open-backend.ts';
import type { Job, Reply, ThreadSetting } from './jobs.ts';
import { createSubNet, type SubNet } from './sub-net.ts';

function compute(net: SubNet, job: Job): Reply {
  switch (job.kind) {
    case 'gradients':
      return { kind: 'answer', answer: net.gradients(job.input) };
    case 'statistics':
      return { kind: 'answer', answer: net.statistics(job.input) };
    case 'logits':
      return { kind: 'answer', answer: net.logits(job.input) };
  }
}

const port = parentPort;
if (!port) throw new Error('compute-thread must be started as a worker thread');
const setting = workerData as ThreadSetting;
try {
  await openBackend(setting.backend);
  const net = createSubNet(setting.graph, setting.normEpsilon);
  port.on('message', (job: Job) => {
    try {
      port.postMessage(compute(net, job));
    } catch (error) {
      port.postMessage({ kind: 'failure', error } satisfies Reply);
    }
  });
  port.postMessage({ kind: 'ready' } satisfies Reply);
} catch (error) {
  port.postMessage({ kind: 'failure', error } satisfies Reply);
}
