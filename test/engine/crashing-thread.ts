import { parentPort } from 'node:worker_threads';
import type { ThreadMessage } from '../../engine/thread/protocol.ts';

// An inference thread that opens every bundle and dies at the first run.
const ready: ThreadMessage = {
  kind: 'ready',
  opened: [{ name: 'ort', provider: 'cpu', skipped: [] }],
  skipped: [],
};
parentPort?.postMessage(ready);
parentPort?.on('message', () => {
  throw new Error('out of memory');
});
