/** ebb as a library: open an agent, or an engine alone, inside a process of your own. */
export { type Agent, type AgentAnswer, type AgentOptions, openAgent } from './agent/agent.ts';
export type { ProfileChange } from './agent/profile/change-profile.ts';
export { loadProfile } from './agent/profile/load-profile.ts';
export type { Profile } from './agent/profile/schema.ts';
export type { Manifest } from './bundle/manifest.ts';
export { type Bundle, BundleError, readBundle } from './bundle/read-bundle.ts';
export { type NewBundle, writeBundle } from './bundle/write-bundle.ts';
export type { Engine, EngineMemory, OpenOptions, RunOptions, RunResult } from './engine/engine.ts';
export { openEngine } from './engine/open-engine.ts';
