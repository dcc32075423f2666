/** ebb as a library: an agent, or an engine alone, inside a process of your own. See docs/library.md. */
export type { Agent, AgentAnswer, AgentOptions } from './agent/agent.ts';
export type { Calibration } from './agent/calibrate/calibration.ts';
export type { InferOptions } from './agent/check-infer.ts';
export { createAgent } from './agent/create-agent.ts';
export type { ProfileChange } from './agent/profile/change-profile.ts';
export { type LoadOptions, loadProfile } from './agent/profile/load-profile.ts';
export type { Profile } from './agent/profile/schema.ts';
export type { Manifest } from './bundle/manifest.ts';
export { type Bundle, BundleError, type ReadBundleOptions, readBundle } from './bundle/read-bundle.ts';
export { type NewBundle, writeBundle } from './bundle/write-bundle.ts';
export type {
  Engine,
  EngineMemory,
  EngineName,
  OpenOptions,
  RunOptions,
  RunResult,
} from './engine/engine.ts';
export { EngineEndedError } from './engine/engine.ts';
export { openEngine } from './engine/open-engine.ts';
export { silenceTelemetry } from './engine/ort/silence-telemetry.ts';
export { ArgumentError, EbbError, type ErrorCode, errorCodes } from './errors/ebb-error.ts';
export { RequestError } from './listen/request-error.ts';
export type { Logger } from './wire/link/logger.ts';
export type { SwapEvent } from './wire/swap.ts';
