import { join } from 'node:path';
import type { FollowCommand, Following } from './follow-command.ts';
import { readBounded } from './read-bounded.ts';
import type { NoData, Reading, Sensor, SensorOptions } from './sensor.ts';
import { readTegraChip } from './tegra.ts';

/** One GPU; what it does not tell is absent. */
export type GpuState = {
  index: number;
  busy?: number;
  memoryUsedBytes?: number;
  memoryTotalBytes?: number;
  tempC?: number;
  powerW?: number;
  /** Why its clocks are held down; empty where they are not. */
  throttling?: string[];
};

/** Bits of clocks_event_reasons.active that slow work down (nvml.h, nvmlClocksEventReason*); others say idle, or what was set on purpose. */
const reasons: readonly (readonly [bit: number, name: string])[] = [
  [0x04, 'power cap'],
  [0x08, 'hardware slowdown'],
  [0x20, 'heat (software)'],
  [0x40, 'heat (hardware)'],
  [0x80, 'power brake'],
];

/** Drivers before 535 know the first name alone, those to come may know the second alone (nvidia-smi(1)). */
const reasonFields = ['clocks_throttle_reasons.active', 'clocks_event_reasons.active'] as const;
const fields = 'index,utilization.gpu,memory.used,memory.total,temperature.gpu,power.draw' as const;

/**
 * Parses one line of `nvidia-smi --query-gpu=... --format=csv,noheader,nounits`: percent, MiB, degrees Celsius, watts, a word of bits. What a
 * GPU does not tell reads `[N/A]` or `[Not Supported]`.
 * @returns undefined for any other line.
 */
export function parseGpuLine(line: string): GpuState | undefined {
  const cells = line.split(',').map((cell) => cell.trim());
  if (cells.length !== 7 || !/^\d{1,3}$/.test(cells[0] ?? '')) return undefined;
  const number = (cell: string | undefined, most: number) =>
    cell !== undefined && /^\d{1,9}(?:\.\d{1,6})?$/.test(cell) && Number(cell) <= most
      ? Number(cell)
      : undefined;
  const [index, busy, used, total, tempC, powerW] = cells.slice(0, 6).map((cell) => number(cell, 1e9));
  const bits = /^0x([0-9a-f]{1,16})$/i.exec(cells[6] ?? '')?.[1];
  return {
    index: index ?? 0,
    ...(busy !== undefined && busy <= 100 ? { busy: busy / 100 } : {}),
    ...(used === undefined ? {} : { memoryUsedBytes: used * 2 ** 20 }),
    ...(total === undefined ? {} : { memoryTotalBytes: total * 2 ** 20 }),
    ...(tempC !== undefined && tempC <= 150 ? { tempC } : {}),
    ...(powerW !== undefined && powerW < 10_000 ? { powerW } : {}),
    ...(bits === undefined
      ? {}
      : {
          throttling: reasons
            // The bits in question are the lowest eight.
            .filter(([bit]) => (Number.parseInt(bits.slice(-2), 16) & bit) !== 0)
            .map(([, name]) => name),
        }),
  };
}

const periodS = 2;
const staleMs = 5 * periodS * 1000;
const maxGpus = 16;

/**
 * NVIDIA GPUs by nvidia-smi, which runs on and prints every 2 s: `gpu_busy`, `gpu_memory_used`, `gpu_memory_total`, `gpu_temperature`, `gpu_power`,
 * and `gpu_throttled`, 1 where heat or power hold its clocks down, with the reasons as a note. Not started where there is no driver.
 */
export function createNvidiaGpuSensor(
  options: SensorOptions & { monotonicMs: () => number; platform: NodeJS.Platform; follow: FollowCommand },
): Sensor {
  const { root, nowMs, monotonicMs, platform, follow } = options;
  const gpus = new Map<number, { state: GpuState; atMs: number }>();
  let field = 0;
  let following: Following | undefined;

  function begin(): Following {
    const query = `--query-gpu=${fields},${reasonFields[field % reasonFields.length]}`;
    return follow('nvidia-smi', [query, '--format=csv,noheader,nounits', '-l', String(periodS)], (line) => {
      const state = parseGpuLine(line);
      if (state && (gpus.has(state.index) || gpus.size < maxGpus))
        gpus.set(state.index, { state, atMs: monotonicMs() });
      else if (/^Field "clocks_\w+\.active" is not a valid field/.test(line)) {
        field += 1;
        following = undefined;
      }
    });
  }

  async function hasDriver(): Promise<boolean> {
    if (platform !== 'linux') return true;
    const chip = await readTegraChip(root);
    // NVML names the GPU of an Orin and gives no numbers; from Thor (tegra264) on it does.
    if (chip !== undefined && chip < 'tegra264') return false;
    return (await readBounded(join(root, 'proc/driver/nvidia/version'), 256)) !== undefined;
  }

  function toReadings({ state }: { state: GpuState }): Reading[] {
    const { index, busy, memoryUsedBytes, memoryTotalBytes, tempC, powerW, throttling } = state;
    const gpu = `gpu${index}`;
    const one = (name: string, value: number | undefined, unit: string, note?: string): Reading[] =>
      value === undefined
        ? []
        : [{ name, value, unit, atMs: nowMs(), labels: { gpu }, ...(note ? { note } : {}) }];
    return [
      ...one('gpu_busy', busy, 'ratio'),
      ...one('gpu_memory_used', memoryUsedBytes, 'bytes'),
      ...one('gpu_memory_total', memoryTotalBytes, 'bytes'),
      // Not `temperature`: the guards' limit for what computes here is not a graphics card's, which is made for more.
      ...one('gpu_temperature', tempC, 'celsius'),
      ...one('gpu_power', powerW, 'watts'),
      ...one('gpu_throttled', throttling && Number(throttling.length > 0), 'ratio', throttling?.join(', ')),
    ];
  }

  return {
    name: 'nvidia_gpu',
    async read(): Promise<Reading[] | NoData> {
      if (!(await hasDriver())) return { noData: 'there is no driver of an NVIDIA graphics card' };
      following ??= begin();
      following.keep();
      for (const [index, { atMs }] of gpus) if (monotonicMs() - atMs > staleMs) gpus.delete(index);
      const readings = [...gpus.values()].sort((a, b) => a.state.index - b.state.index).flatMap(toReadings);
      if (readings.length > 0) return readings;
      const { trouble } = following;
      if (trouble === undefined) return { noData: 'nvidia-smi has not told anything yet', soon: true };
      return {
        noData: `nvidia-smi: ${trouble}`,
        cure: "install the nvidia-smi that matches the driver; in a container, NVIDIA's container toolkit",
      };
    },
  };
}
