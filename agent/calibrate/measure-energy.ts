import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '../../engine/engine.ts';
import { quantile } from '../quantile.ts';
import type { Reading } from '../sense/sensor.ts';
import type { LevelCalibration } from './calibration.ts';
import { exampleInput } from './example-input.ts';

/** What tells how much an inference on the processor takes, best first: the whole board, or the package. A battery's gauge is too slow. */
const powerReadings = ['power', 'package_power'];

/** Watts of the machine now; undefined where no sensor tells. */
export function powerOf(readings: readonly Reading[]): number | undefined {
  return powerReadings
    .map((wanted) => readings.find(({ name }) => name === wanted)?.value)
    .find(Number.isFinite);
}

export type EnergyOptions = {
  engine: Engine;
  /** Inputs in one run. */
  batch: number;
  readPowerW: () => Promise<number | undefined>;
  /** How long the machine rests, and then each level runs. Default 1000. */
  spanMs?: number;
  monotonicMs: () => number;
  signal?: AbortSignal;
};

const readingsInSpan = 5;

/**
 * Measures what one input takes beyond what the idle machine does, level after level. The levels stay as they are where no sensor tells the
 * power, or what an inference takes is lost in the noise.
 *
 * @throws Error where `signal` is aborted.
 */
export async function measureEnergy(
  levels: readonly LevelCalibration[],
  options: EnergyOptions,
): Promise<LevelCalibration[]> {
  const { engine, batch, readPowerW, spanMs = 1000, monotonicMs, signal } = options;
  const input = exampleInput(engine.manifest, batch);

  async function medianPowerW(rest: () => Promise<void>): Promise<number> {
    const watts: number[] = [];
    // Some sensors tell the mean since they were last read: the first reading is of what came before.
    if ((await readPowerW()) === undefined && (await readPowerW()) === undefined) return Number.NaN;
    for (let reading = 0; reading < readingsInSpan; reading += 1) {
      await rest();
      const power = await readPowerW();
      if (power !== undefined) watts.push(power);
    }
    // One wrong reading of five must not make a level's energy.
    return watts.length > 0 ? quantile(watts, 0.5) : Number.NaN;
  }

  const idleW = await medianPowerW(() => sleep(spanMs / readingsInSpan, undefined, signal ? { signal } : {}));
  if (Number.isNaN(idleW)) return [...levels];
  const measured: LevelCalibration[] = [];
  for (const entry of levels) {
    let runs = 0;
    let busyMs = 0;
    const busyW = await medianPowerW(async () => {
      const startMs = monotonicMs();
      do {
        signal?.throwIfAborted();
        await engine.run(input, batch, { level: entry.level, engine: entry.engine });
        runs += 1;
      } while (monotonicMs() - startMs < spanMs / readingsInSpan);
      busyMs += monotonicMs() - startMs;
    });
    // Watts times milliseconds are millijoules.
    const energyMj = ((busyW - idleW) * busyMs) / (runs * batch);
    if (!(energyMj > 0)) return [...levels];
    measured.push({ ...entry, energyMj });
  }
  return measured;
}
