import { join } from 'node:path';
import { listBounded, readBounded } from '../sense/read-bounded.ts';

/** Which CPUs there are, which of them are on, and on which this process may run; undefined where the kernel does not tell. */
export type Cores = {
  present: number[] | undefined;
  online: number[] | undefined;
  allowed: number[] | undefined;
  /** Of cpufreq, one entry for each kind in use. */
  governors: string[];
  drivers: string[];
};

const maxCpus = 4096;

/** Parses a list of CPUs, `0-3,8` (Documentation/admin-guide/cputopology.rst). */
export function parseCpuList(text: string): number[] | undefined {
  const words = text.trim().split(',');
  const cpus = words.flatMap((word) => {
    const [, first, last = first] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(word) ?? [];
    const count = Number(last) - Number(first) + 1;
    return count >= 1 && count <= maxCpus
      ? Array.from({ length: count }, (_, index) => Number(first) + index)
      : [];
  });
  return cpus.length > 0 && cpus.length <= maxCpus ? cpus : undefined;
}

/** As the kernel writes it: `0-3,8`. */
export function formatCpuList(cpus: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const cpu of cpus) {
    const last = runs[runs.length - 1];
    if (last && cpu === last[1] + 1) last[1] = cpu;
    else runs.push([cpu, cpu]);
  }
  return runs.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(',');
}

/** Reads the CPUs of the machine below `root`. */
export async function readCores(root: string): Promise<Cores> {
  const folder = join(root, 'sys/devices/system/cpu');
  const list = async (file: string) => {
    const text = await readBounded(join(folder, file), 256);
    return text === undefined ? undefined : parseCpuList(text);
  };
  const status = (await readBounded(join(root, 'proc/self/status'))) ?? '';
  const allowed = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1];
  const names = (await listBounded(folder)).filter((name) => /^cpu\d+$/.test(name));
  const words = async (file: string) => {
    const texts = await Promise.all(names.map((cpu) => readBounded(join(folder, cpu, 'cpufreq', file), 64)));
    return [...new Set(texts.flatMap((text) => /^[\w-]{1,32}$/.exec(text?.trim() ?? '')?.[0] ?? []))];
  };
  return {
    present: await list('present'),
    online: await list('online'),
    allowed: allowed === undefined ? undefined : parseCpuList(allowed),
    governors: await words('scaling_governor'),
    drivers: await words('scaling_driver'),
  };
}
