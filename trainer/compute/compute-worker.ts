// A thread or process that computes jobs one after the other on its own copy of the back end; `compute-pool.ts` starts it.
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { openBackend } from '../backend/open-backend.ts';
import type { Job, Reply, WorkerSetting } from './jobs.ts';
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

/** Opens the back end, says that it is ready, and gives the function that answers jobs. */
async function prepare(setting: WorkerSetting, reply: (reply: Reply) => void): Promise<(job: Job) => void> {
  await openBackend(setting.backend);
  const net = createSubNet(setting.graph, setting.normEpsilon);
  reply({ kind: 'ready' });
  return (job) => {
    try {
      reply(compute(net, job));
    } catch (error) {
      reply({ kind: 'failure', error });
    }
  };
}

async function serveThread(port: NonNullable<typeof parentPort>): Promise<void> {
  const reply = (value: Reply) => port.postMessage(value);
  const answer = await prepare(workerData as WorkerSetting, reply);
  port.on('message', answer);
}

function serveProcess(): void {
  const reply = (value: Reply) => {
    process.send?.(value);
  };
  // Ctrl-C reaches the whole process group: the parent finishes its step, saves, and then ends this process.
  process.on('SIGINT', () => {});
  process.on('disconnect', () => process.exit());
  process.once('message', (setting: WorkerSetting) => {
    prepare(setting, reply).then(
      (answer) => process.on('message', answer),
      (error) => reply({ kind: 'failure', error }),
    );
  });
}

if (isMainThread) serveProcess();
else if (parentPort) {
  const port = parentPort;
  serveThread(port).catch((error) => port.postMessage({ kind: 'failure', error } satisfies Reply));
}
