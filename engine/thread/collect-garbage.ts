import { Session } from 'node:inspector/promises';

/**
 * Collects all garbage of this thread now. V8 collects as a thread allocates: what an inference thread has left behind while it opened its
 * models, several times their size, would stay for as long as it runs.
 *
 * The inspector is asked, as the flag `--expose-gc` would hold for the whole process, which may be another's program.
 */
export async function collectGarbage(): Promise<void> {
  const session = new Session();
  session.connect();
  try {
    // Collects until nothing more is freed.
    await session.post('HeapProfiler.collectGarbage');
  } finally {
    session.disconnect();
  }
}
