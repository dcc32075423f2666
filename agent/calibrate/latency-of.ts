import type { EngineName } from '../../engine/engine.ts';
import { quantile } from '../quantile.ts';
import type { EngineLatency } from './calibration.ts';

/** Runs in numbers. A clock of coarse resolution can say 0: a latency must stay a divisor. */
export function latencyOf(engine: EngineName, latenciesMs: readonly number[]): EngineLatency {
  const atLeast = (ms: number) => Math.max(1e-3, ms);
  return {
    engine,
    runs: latenciesMs.length,
    p50Ms: atLeast(quantile(latenciesMs, 0.5)),
    p95Ms: atLeast(quantile(latenciesMs, 0.95)),
    meanMs: atLeast(latenciesMs.reduce((sum, value) => sum + value, 0) / latenciesMs.length),
  };
}
