import type { BackendName } from '../backend/open-backend.ts';
import type { NetGraph } from '../net/graph.ts';
import type { GradientResult, PassInput } from './sub-net.ts';

/** What a worker can be asked for; the three passes of `SubNet`. */
export type GradientJob = {
  kind: 'gradients';
  input: PassInput & { labels: Uint16Array; lossScale: number };
};
export type StatisticsJob = { kind: 'statistics'; input: PassInput };
export type LogitsJob = { kind: 'logits'; input: PassInput & { statistics: Float32Array } };
export type Job = GradientJob | StatisticsJob | LogitsJob;

/** A job's answer. */
export type Answer<J extends Job> = J extends GradientJob ? GradientResult : Float32Array;

/** What a worker is started with. */
export type WorkerSetting = { graph: NetGraph; normEpsilon: number; backend: BackendName };

export type Reply =
  | { kind: 'ready' }
  | { kind: 'answer'; answer: Answer<Job> }
  | { kind: 'failure'; error: unknown };
