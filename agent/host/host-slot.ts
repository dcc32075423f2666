import type { Manifest } from '../../bundle/manifest.ts';
import type { Bundle } from '../../bundle/read-bundle.ts';
import { EbbError } from '../../errors/ebb-error.ts';
import { RequestError } from '../../listen/request-error.ts';
import type { Logger } from '../../wire/link/logger.ts';
import type { QueuedRequest } from '../serve/request-queue.ts';
import { requireAccuracy } from '../serve/require-accuracy.ts';
import type { HostedResult } from '../serve/serve-requests.ts';
import type { HostedBundle } from './host-bundle.ts';

export type HostSlotOptions = {
  /** Opens, warms and calibrates a bundle. */
  host: (bundle: Bundle) => Promise<HostedBundle>;
  /** Another bundle answers from now on. */
  onTakeOver: (host: HostedBundle) => void;
  log: Logger;
};

/**
 * Holds the bundle that answers, and lets another one take its place.
 *
 * INVARIANTS
 * - a bundle takes over between two runs, when it is ready to answer; whatever fails before leaves the old one serving;
 * - the old one is closed when its last run is answered;
 * - one replacement at a time.
 */
export type HostSlot = {
  readonly current: HostedBundle | undefined;
  /** Opens the first bundle. */
  fill(bundle: Bundle): Promise<HostedBundle>;
  /** @throws Error that says why the old bundle goes on. */
  replace(bundle: Bundle): Promise<void>;
  /** Runs a request on the current bundle. */
  run(request: QueuedRequest): Promise<HostedResult>;
  close(): Promise<void>;
};

export function createHostSlot(options: HostSlotOptions): HostSlot {
  const { host, onTakeOver, log } = options;
  let current: HostedBundle | undefined;
  let closed = false;
  let replacing = false;

  async function takeOver(old: HostedBundle, next: HostedBundle): Promise<void> {
    const { policy } = old.loop;
    old.loop.stop();
    // An operator's word outlives the bundle, as far as the new one has the level.
    if (policy === 'fixed' || policy !== next.loop.policy) {
      const level = Math.min(old.engine.level, next.manifest.levels.length - 1);
      await next.loop.obey({ kind: 'set_policy', policy, level });
    }
    current = next;
    next.loop.start();
    onTakeOver(next);
  }

  return {
    get current() {
      return current;
    },
    async fill(bundle) {
      current = await host(bundle);
      if (closed) {
        await current.engine.close();
        throw new EbbError('EBB_CLOSED', 'the agent was stopped');
      }
      return current;
    },
    async replace(bundle) {
      const old = current;
      if (old === undefined || closed)
        throw new EbbError(
          closed ? 'EBB_CLOSED' : 'EBB_NOT_READY',
          'Cannot replace the bundle as the agent must be ready: try again later',
        );
      if (replacing)
        throw new EbbError(
          'EBB_NOT_READY',
          'Cannot replace the bundle as another is being opened: try again when it is done',
        );
      requireSameDoor(old.manifest, bundle.manifest);
      replacing = true;
      try {
        const next = await host(bundle);
        if (closed) {
          await next.engine.close();
          throw new EbbError('EBB_CLOSED', 'Cannot replace the bundle as the agent is shutting down');
        }
        await takeOver(old, next);
        log.info({}, `another bundle answers: "${bundle.manifest.name}" of ${bundle.dir}`);
      } finally {
        replacing = false;
      }
      await old.keepLearnt();
      await closeWhenIdle(old);
    },
    async run({ input, batch, level, minAccuracy }) {
      const own = current;
      if (own === undefined) throw new RequestError(503, 'Cannot infer as no bundle is open');
      const last = own.manifest.levels.length - 1;
      if (level !== undefined && level > last)
        throw new RequestError(
          404,
          `Cannot infer at level ${level} as another bundle has taken over, whose levels are 0 to ${last}: leave the level out`,
          { code: 'EBB_UNKNOWN_LEVEL' },
        );
      const among = requireAccuracy({ level, minAccuracy }, own.manifest);
      const how = level === undefined ? (among ? { among } : {}) : { level };
      const result = await own.engine.run(input, batch, how);
      return { ...result, host: own };
    },
    async close() {
      closed = true;
      current?.loop.stop();
      await current?.engine.close();
    },
  };
}

/** Clients must not notice more than better answers. */
function requireSameDoor(old: Manifest, next: Manifest): void {
  const door = ({ name, input, output }: Manifest) => ({
    name,
    input: { name: input.name, shape: input.shape },
    output: { name: output.name, shape: output.shape },
  });
  const [must, is] = [JSON.stringify(door(old)), JSON.stringify(door(next))];
  if (must === is) return;
  throw new EbbError(
    'EBB_BUNDLE_INCOMPATIBLE',
    `Cannot replace the bundle as name, input and output must stay ${must}: current value is ${is}; start another agent for it`,
  );
}

/** Runs that it has begun are answered by it. */
async function closeWhenIdle({ engine }: HostedBundle): Promise<void> {
  while (engine.pending > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await engine.close();
}
