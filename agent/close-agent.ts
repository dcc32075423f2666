import type { HttpServer } from '../listen/http-server.ts';
import type { Logger } from '../wire/link/logger.ts';
import type { HostSlot } from './host/host-slot.ts';
import type { StateReporter } from './report/state-reporter.ts';
import type { SensorRunner } from './sense/runner.ts';
import type { RequestQueue } from './serve/request-queue.ts';
import type { HostedResult } from './serve/serve-requests.ts';

/** Together they stay below the 2 s that a stop may take. */
const drainLimitMs = 1000;
const goodbyeLimitMs = 800;

/** Answers what was taken, says goodbye to the broker, keeps what was learnt, and closes everything; what hangs is left behind. */
export async function closeAgent(parts: {
  slot: HostSlot;
  /** Undefined where HTTP is not served, or not yet. */
  server: HttpServer | undefined;
  queue: RequestQueue<HostedResult>;
  reporter: StateReporter;
  runner: SensorRunner;
  log: Logger;
}): Promise<void> {
  const { slot, server, queue, reporter, runner, log } = parts;
  slot.current?.loop.stop();
  server?.drain();
  const answered = await queue.close(drainLimitMs);
  if (!answered) log.warn({}, `requests were still waiting after ${drainLimitMs} ms and were refused`);
  reporter.endTelemetry();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, goodbyeLimitMs);
  });
  await Promise.race([
    Promise.allSettled([reporter.stop(), slot.current?.keepLearnt(), slot.close(), runner.stop()]),
    late,
  ]);
  clearTimeout(timer);
  await server?.close();
}
