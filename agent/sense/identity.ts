import { arch, cpus, hostname, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { parseCpuInfo } from './cpu-info.ts';
import { parseMeminfo } from './memory.ts';
import { readBounded } from './read-bounded.ts';

/** What a machine is; read once at the start. */
export type Identity = {
  board: string;
  os: string;
  cpu: string;
  arch: string;
  cores: number;
  memoryBytes: number;
  hostname: string;
};

/** The text, unless firmware left its place-holder standing. */
function meaningful(text: string | undefined): string | undefined {
  const trimmed = text?.replace(/\0/g, '').trim();
  if (!trimmed || /^(default string|to be filled|system product name|unknown|none|n\/a)/i.test(trimmed))
    return undefined;
  return trimmed.slice(0, 120);
}

/** `PRETTY_NAME` of os-release(5). */
export function parseOsName(text: string | undefined): string | undefined {
  return meaningful(/^PRETTY_NAME="?([^"\n]*)"?\s*$/m.exec(text ?? '')?.[1]);
}

/** Vendor and product by the firmware of a PC (drivers/firmware/dmi-id.c); Lenovo has the product's name in its version. */
async function readDmiBoard(root: string): Promise<string | undefined> {
  const read = async (file: string) =>
    meaningful(await readBounded(join(root, 'sys/class/dmi/id', file), 256));
  const vendor = await read('sys_vendor');
  const product = await read(/^lenovo$/i.test(vendor ?? '') ? 'product_version' : 'product_name');
  return meaningful([vendor, product].filter(Boolean).join(' '));
}

/** From the files of Linux below `root`, which may be a recorded tree; what they do not tell is absent. */
export async function readLinuxIdentity(root: string): Promise<Partial<Identity>> {
  const read = (path: string, limitBytes: number) => readBounded(join(root, path), limitBytes);
  const model = meaningful(await read('proc/device-tree/model', 256));
  const info = parseCpuInfo((await read('proc/cpuinfo', 256 * 1024)) ?? '');
  const memory = parseMeminfo((await read('proc/meminfo', 4096)) ?? '');
  const kernel = meaningful(await read('proc/sys/kernel/osrelease', 256));
  const osName = parseOsName(
    (await read('etc/os-release', 4096)) ?? (await read('usr/lib/os-release', 4096)),
  );
  const host = meaningful(await read('proc/sys/kernel/hostname', 256));
  const os = [osName, kernel === undefined ? undefined : `Linux ${kernel}`].filter(Boolean).join(', ');
  return Object.fromEntries(
    Object.entries({
      board: model ?? (await readDmiBoard(root)),
      os: os || undefined,
      cpu: meaningful(info.model),
      arch: root === '/' ? undefined : info.arch,
      cores: info.cores > 0 ? info.cores : undefined,
      memoryBytes: memory?.totalBytes,
      hostname: host,
    }).filter(([, value]) => value !== undefined),
  );
}

/** macOS and Windows by systeminformation, which starts programs: not longer than `limitMs`. */
async function readOther(limitMs: number): Promise<Partial<Identity>> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), limitMs);
  });
  try {
    const { default: si } = await import('systeminformation');
    const all = await Promise.race([Promise.all([si.system(), si.osInfo(), si.cpu()]), late]);
    if (!all) return {};
    const [system, os, cpu] = all;
    const words = (...texts: string[]) => meaningful(texts.map((text) => meaningful(text) ?? '').join(' '));
    const osName = words(os.distro, os.release);
    return {
      board: words(system.manufacturer, system.model) ?? 'unknown',
      cpu: words(cpu.manufacturer, cpu.brand) ?? 'unknown',
      ...(osName === undefined ? {} : { os: `${osName} (${type()} ${release()})` }),
    };
  } catch {
    return {};
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Board, CPU, operating system and memory: on Linux from the files below `root`, elsewhere from systeminformation within `limitMs`; what these do
 * not know comes from Node. Never throws.
 */
export async function readIdentity(options: {
  root: string;
  limitMs?: number;
  platform?: NodeJS.Platform;
}): Promise<Identity> {
  const { root, limitMs = 3000, platform = process.platform } = options;
  return {
    board: 'unknown',
    os: `${type()} ${release()}`,
    cpu: meaningful(cpus()[0]?.model) ?? 'unknown',
    arch: arch(),
    cores: Math.max(1, cpus().length),
    memoryBytes: totalmem(),
    hostname: hostname(),
    ...(platform === 'linux' ? await readLinuxIdentity(root) : await readOther(limitMs)),
  };
}
