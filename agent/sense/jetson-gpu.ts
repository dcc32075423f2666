import { join } from 'node:path';
import { readNumber } from './hwmon.ts';
import { listBounded, readBounded } from './read-bounded.ts';
import type { NoData, Reading, Sensor, SensorOptions } from './sensor.ts';
import { readTegraChip } from './tegra.ts';
import { type ReadTegraStats, tegraStatsCure } from './tegrastats.ts';

/** Names of Tegra GPUs in the device tree: X1 (gm20b), X2, Xavier, Orin, and what is called a GPU. */
const gpuNode = /^(gm20b|gp10b|gv11b|ga10b|gpu)/;

/** Where boards of before the devfreq node show the load. */
const fixedPaths = [
  'sys/devices/gpu.0/load',
  'sys/devices/platform/gpu.0/load',
  'sys/devices/platform/bus@0/17000000.gpu/load',
];

/** The devfreq node of the GPU, which can appear after boot. */
async function findDevfreq(root: string): Promise<string | undefined> {
  const folder = join(root, 'sys/class/devfreq');
  for (const name of (await listBounded(folder)).slice(0, 64)) {
    const node = (await readBounded(join(folder, name, 'device/of_node/name'), 64))
      ?.replace(/\0/g, '')
      .trim();
    if (gpuNode.test(node ?? name.replace(/^[0-9a-f]+\./, ''))) return join(folder, name);
  }
  return undefined;
}

/** The kernel says per mille. */
function loadOf(perMille: number | undefined): number | undefined {
  return perMille !== undefined && perMille >= 0 && perMille <= 1000 ? perMille / 1000 : undefined;
}

async function firstLoad(paths: string[]): Promise<number | undefined> {
  for (const path of paths) {
    const load = loadOf(await readNumber(path));
    if (load !== undefined) return load;
  }
  return undefined;
}

/**
 * `gpu_busy` of a Jetson, `gpu_frequency`, and `gpu_frequency_cap`, the share of its hardware's maximum that it may reach; from the kernel's files,
 * else, without the cap, from tegrastats.
 */
export function createJetsonGpuSensor({
  root,
  nowMs,
  readTegraStats,
}: SensorOptions & { readTegraStats: ReadTegraStats }): Sensor {
  return {
    name: 'jetson_gpu',
    async read(): Promise<Reading[] | NoData> {
      const devfreq = await findDevfreq(root);
      const own = devfreq === undefined ? [] : [join(devfreq, 'device/load')];
      const busy = await firstLoad([...own, ...fixedPaths.map((path) => join(root, path))]);
      const hertz = devfreq === undefined ? undefined : await readNumber(join(devfreq, 'cur_freq'));
      const allowed = devfreq === undefined ? undefined : await readNumber(join(devfreq, 'max_freq'));
      const table =
        devfreq === undefined ? undefined : await readBounded(join(devfreq, 'available_frequencies'), 4096);
      const possible = Math.max(
        0,
        ...(table ?? '')
          .split(/\s+/)
          .filter((word) => /^\d{1,12}$/.test(word))
          .map(Number),
      );
      const isTegra = busy === undefined && (await readTegraChip(root)) !== undefined;
      const told = isTegra ? readTegraStats() : { rails: [] };
      const stats = 'trouble' in told ? { rails: [] } : told;
      const atMs = nowMs();
      const one = (name: string, value: number | undefined, unit: string): Reading[] =>
        value === undefined || value < 0 ? [] : [{ name, value, unit, atMs }];
      const cap = allowed !== undefined && possible > 0 ? Math.min(1, allowed / possible) : undefined;
      const readings = [
        ...one('gpu_busy', busy ?? stats.gpuBusy, 'ratio'),
        ...one('gpu_frequency', hertz ?? stats.gpuHz, 'hertz'),
        ...one('gpu_frequency_cap', cap, 'ratio'),
      ];
      if (readings.length > 0) return readings;
      if (!isTegra) return { noData: 'this is no Jetson' };
      return {
        noData: `the kernel's files do not tell the load of the GPU; ${'trouble' in told ? told.trouble : 'nor does tegrastats'}`,
        ...('trouble' in told && told.soon ? { soon: true } : { cure: tegraStatsCure }),
      };
    },
  };
}
