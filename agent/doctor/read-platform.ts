import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseFrequencyHz } from '../sense/frequency.ts';
import { listBounded, readBounded } from '../sense/read-bounded.ts';

/** What matters about a machine beside its identity; absent where it has no such thing. */
export type Platform = {
  soc?: string;
  maxHz?: number;
  /** Release of Jetson Linux, such as 36.4.3, and the JetPack that it belongs to. */
  l4t?: string;
  jetpack?: string;
  /** What this process is contained by: docker, podman, ..., or none; absent if nothing says. */
  container?: string;
};

/** Jetson Linux of each JetPack (https://developer.nvidia.com/embedded/jetpack-archive). */
const jetpacks: Record<string, string> = {
  '32.4.3': '4.4',
  '32.4.4': '4.4.1',
  '32.5.0': '4.5',
  '32.5.1': '4.5.1',
  '32.6.1': '4.6',
  '32.7.1': '4.6.1',
  '32.7.2': '4.6.2',
  '32.7.3': '4.6.3',
  '32.7.4': '4.6.4',
  '32.7.5': '4.6.5',
  '32.7.6': '4.6.6',
  '35.1.0': '5.0.2',
  '35.2.1': '5.1',
  '35.3.1': '5.1.1',
  '35.4.1': '5.1.2',
  '35.5.0': '5.1.3',
  '35.6.0': '5.1.4',
  '35.6.1': '5.1.5',
  '36.3.0': '6.0',
  '36.4.0': '6.1',
  '36.4.3': '6.2',
  '36.4.4': '6.2.1',
};
/** For releases that came later. */
const jetpackMajors: Record<string, string> = { '32': '4', '35': '5', '36': '6', '38': '7' };

/** Parses `/etc/nv_tegra_release`: `# R36 (release), REVISION: 4.3, ...`. @returns `36.4.3`. */
export function parseTegraRelease(text: string): string | undefined {
  const [, major, revision] = /^# R(\d{2,3}) \(release\), REVISION: (\d{1,2}(?:\.\d{1,2})?)/.exec(text) ?? [];
  if (major === undefined || revision === undefined) return undefined;
  return `${major}.${revision.includes('.') ? revision : `${revision}.0`}`;
}

export function jetpackOf(l4t: string): string | undefined {
  return jetpacks[l4t] ?? jetpackMajors[l4t.split('.')[0] ?? ''];
}

const tegras: Record<string, string> = {
  tegra210: 'Tegra X1',
  tegra186: 'Tegra X2',
  tegra194: 'Xavier',
  tegra234: 'Orin',
  tegra264: 'Thor',
};

/** The chip by the last entry of a device tree's `compatible`, such as `brcm,bcm2711`. */
export function parseSoc(compatible: string): string | undefined {
  const entries = compatible.split('\0').filter((entry) => /^[\w.-]+,[\w.+-]+$/.test(entry));
  const chip = entries[entries.length - 1]?.split(',')[1];
  if (chip === undefined) return undefined;
  const tegra = tegras[chip];
  return tegra === undefined ? chip.toUpperCase() : `${tegra} (${chip})`;
}

/** Marks that container engines leave inside (systemd's container interface, Docker, Podman), else the name of the control group. */
async function readContainer(root: string): Promise<string | undefined> {
  const marked = await readBounded(join(root, 'run/systemd/container'), 64);
  if (marked && /^[\w-]+\s*$/.test(marked)) return marked.trim();
  if (existsSync(join(root, '.dockerenv'))) return 'docker';
  if (existsSync(join(root, 'run/.containerenv'))) return 'podman';
  const groups = await readBounded(join(root, 'proc/self/cgroup'));
  if (groups === undefined) return undefined;
  return /\/(docker|kubepods|lxc|libpod|containerd)\b/.exec(groups)?.[1] ?? 'none';
}

async function readMaxHz(root: string): Promise<number | undefined> {
  const folder = join(root, 'sys/devices/system/cpu');
  const cpus = (await listBounded(folder)).filter((name) => /^cpu\d+$/.test(name));
  const all = await Promise.all(
    cpus.map(async (cpu) =>
      parseFrequencyHz(await readBounded(join(folder, cpu, 'cpufreq/cpuinfo_max_freq'), 64)),
    ),
  );
  const known = all.flatMap((hertz) => hertz ?? []);
  return known.length > 0 ? Math.max(...known) : undefined;
}

/** Chip, release and container of the machine below `root`. */
export async function readPlatform(root: string): Promise<Platform> {
  const compatible = await readBounded(join(root, 'proc/device-tree/compatible'), 1024);
  const release = await readBounded(join(root, 'etc/nv_tegra_release'), 1024);
  const l4t = release === undefined ? undefined : parseTegraRelease(release);
  return Object.fromEntries(
    Object.entries({
      soc: compatible === undefined ? undefined : parseSoc(compatible),
      maxHz: await readMaxHz(root),
      l4t,
      jetpack: l4t === undefined ? undefined : jetpackOf(l4t),
      container: await readContainer(root),
    }).filter(([, value]) => value !== undefined),
  );
}
