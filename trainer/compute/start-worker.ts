import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import type { Job, Reply, WorkerSetting } from './jobs.ts';

/** A thread or a process that runs `compute-worker.ts`. */
export type ComputeWorker = {
  post(job: Job): void;
  /** Ends it at once, even inside a job. */
  terminate(): Promise<unknown>;
};

export type WorkerEvents = {
  onReply(reply: Reply): void;
  /** It ended or broke; may come more than once. */
  onEnd(reason: Error): void;
};

const script = new URL('./compute-worker.js', import.meta.url);

export function startWorker(setting: WorkerSetting, events: WorkerEvents): ComputeWorker {
  return setting.backend === 'node' ? startProcess(setting, events) : startThread(setting, events);
}

function startThread(setting: WorkerSetting, { onReply, onEnd }: WorkerEvents): ComputeWorker {
  const worker = new Worker(script, { workerData: setting });
  worker.on('message', onReply);
  worker.on('error', onEnd);
  worker.on('exit', (code) => onEnd(new Error(`A compute thread ended with status ${code}`)));
  return { post: (job) => worker.postMessage(job), terminate: () => worker.terminate() };
}

/**
 * TensorFlow in a process of its own: its addon keeps one back end a process, and what makes it fast stands in the environment.
 *
 * - One thread an operation: shards run side by side instead, without a barrier at every operation, and sums do not depend on timing.
 * - glibc keeps freed memory: by default it returns every large block to the kernel, and each activation's pages are faulted in
 *   anew, at three times the cost of a whole step (mallopt(3)). Other C libraries ignore the variables.
 */
const processEnvironment = {
  TF_NUM_INTRAOP_THREADS: '1',
  TF_NUM_INTEROP_THREADS: '1',
  OMP_NUM_THREADS: '1',
  TF_CPP_MIN_LOG_LEVEL: '2',
  MALLOC_MMAP_THRESHOLD_: '4294967296',
  MALLOC_TRIM_THRESHOLD_: '4294967296',
  MALLOC_TOP_PAD_: '67108864',
  MALLOC_ARENA_MAX: '1',
};

function startProcess(setting: WorkerSetting, { onReply, onEnd }: WorkerEvents): ComputeWorker {
  const child = fork(script, {
    serialization: 'advanced',
    execArgv: [],
    env: { ...processEnvironment, ...process.env },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  if (child.stderr) passOnWarnings(child.stderr);
  child.on('message', (reply) => onReply(reply as Reply));
  child.on('error', onEnd);
  child.on('exit', (code, signal) =>
    onEnd(new Error(`A compute process ended with ${signal ?? `status ${code}`}`)),
  );
  // A message that cannot be sent any more: `exit` tells why.
  const send = (message: Job | WorkerSetting) => child.send(message, () => {});
  send(setting);
  return {
    post: send,
    async terminate() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** TensorFlow's library tells on standard error what it is built for, at every level of its log; all else is passed on. */
const notices = /^(WARNING: All log messages before absl|I0000 |To enable the following instructions)/;

function passOnWarnings(stderr: Readable): void {
  createInterface({ input: stderr }).on('line', (line) => {
    if (!notices.test(line)) process.stderr.write(`${line}\n`);
  });
}
