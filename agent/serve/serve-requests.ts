import type { Manifest } from '../../bundle/manifest.ts';
import { EngineEndedError, type RunResult } from '../../engine/engine.ts';
import { RequestError } from '../../listen/request-error.ts';
import { accurateLevels } from '../decide/accurate-levels.ts';
import type { PendingRequest } from '../decide/policy.ts';
import type { HostedBundle } from '../host/host-bundle.ts';
import type { InferenceService } from './inference-app.ts';
import { createTotalsCounter, type TotalsCounter } from './level-totals.ts';
import { LateError, type RequestQueue } from './request-queue.ts';
import { accuraciesOf, type LevelWish, requireAccuracy } from './require-accuracy.ts';

/** What was refused for its deadline counts as a miss for so long; so many are kept at most. */
export const missedMs = 1000;
const keptMissed = 64;

/** A request that is not yet answered, with what it asks of its level. */
type OpenRequest = PendingRequest & LevelWish;

/** With the bundle that answered: meanwhile another may have taken over. */
export type HostedResult = RunResult & { host: HostedBundle };

export type ServeOptions = {
  /** Of the bundle that is served. */
  manifest: () => Manifest;
  /** The bundle that answers now. @throws RequestError 503 where there is none. */
  host: () => HostedBundle;
  /** The active level; 0 if no bundle is open. */
  activeLevel: () => number;
  queue: RequestQueue<HostedResult>;
  deadlineMs: () => number;
  monotonicMs: () => number;
};

export type RequestServer = {
  infer: InferenceService['infer'];
  /** What became of a level's requests since the start, whatever bundles there were. */
  totals: TotalsCounter['of'];
  /** Requests for the active level that are not yet answered, and those that were just refused as they would have been late. */
  pending(): PendingRequest[];
};

/** Takes requests to the queue, and what becomes of them to the statistics that decisions read. */
export function createRequestServer(options: ServeOptions): RequestServer {
  const { manifest, host, activeLevel, queue, deadlineMs: usualMs, monotonicMs } = options;
  const pending = new Set<OpenRequest>();
  const totals = createTotalsCounter(() => manifest().levels.length);
  /** Oldest first. */
  const missed: (PendingRequest & { atMs: number })[] = [];

  /** Whether the active level may answer a request, so that its outcome counts for that level. A swap may change it. */
  function isForActive({ level, minAccuracy }: LevelWish): boolean {
    if (level !== undefined) return false;
    return accurateLevels(minAccuracy, accuraciesOf(manifest()))?.includes(activeLevel()) ?? true;
  }

  function miss(request: PendingRequest): void {
    missed.push({ ...request, atMs: monotonicMs() });
    if (missed.length > keptMissed) missed.shift();
  }

  return {
    async infer({ input, batch, receivedMs, level, minAccuracy, deadlineMs = usualMs() }) {
      const { stats, loop, engine, manifest: own } = host();
      const wish = { level, minAccuracy };
      requireAccuracy(wish, own);
      const waiting = { startMs: receivedMs, deadlineMs, ...wish };
      stats.arrived(batch);
      pending.add(waiting);
      try {
        const answer = await queue.submit({ input, batch, ...wish, dueMs: receivedMs + deadlineMs });
        const { inferMs, queueMs } = answer;
        const latencyMs = monotonicMs() - receivedMs;
        const observation = {
          level: answer.level,
          batch,
          startMs: receivedMs,
          latencyMs,
          inferMs,
          queueMs,
          deadlineMs,
          isPinned: !isForActive(waiting),
        };
        answer.host.stats.answered(observation);
        totals.answered(observation);
        pending.delete(waiting);
        if (!observation.isPinned && latencyMs > deadlineMs) void answer.host.loop.hurry();
        return { output: answer.output, level: answer.level, inferMs, queueMs };
      } catch (error) {
        stats.rejected();
        totals.failed({
          level: level ?? engine.level,
          startMs: receivedMs,
          latencyMs: monotonicMs() - receivedMs,
        });
        pending.delete(waiting);
        if (error instanceof LateError && isForActive(waiting)) {
          miss(waiting);
          void loop.hurry();
        }
        throw error instanceof EngineEndedError
          ? new RequestError(503, `Cannot infer: ${error.message}; send the request again`, {
              code: error.code,
              cause: error,
            })
          : error;
      } finally {
        pending.delete(waiting);
      }
    },
    totals: totals.of,
    pending() {
      const nowMs = monotonicMs();
      return [...pending].filter(isForActive).concat(missed.filter((one) => nowMs - one.atMs < missedMs));
    },
  };
}
