import { arch, cpus, hostname, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
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

/**
 * Board, CPU, operating system and memory, from the device tree (boards) and systeminformation (the rest), within `limitMs`;
 * what neither knows comes from Node. Never throws.
 */
export async function readIdentity(options: { root: string; limitMs?: number }): Promise<Identity> {
  const { root, limitMs = 3000 } = options;
  const limit = async <T>(work: Promise<T>): Promise<T | undefined> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), limitMs);
    });
    try {
      return await Promise.race([work, late]);
    } catch {
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  };
  const { default: si } = await import('systeminformation');
  const [model, system, os, cpu] = await Promise.all([
    readBounded(join(root, 'proc/device-tree/model'), 256),
    limit(si.system()),
    limit(si.osInfo()),
    limit(si.cpu()),
  ]);
  const board =
    meaningful(model) ??
    meaningful([system?.manufacturer, system?.model].map((text) => meaningful(text) ?? '').join(' ')) ??
    'unknown';
  const osName = meaningful([os?.distro, os?.release].filter(Boolean).join(' '));
  return {
    board,
    os: osName ? `${osName} (${type()} ${release()})` : `${type()} ${release()}`,
    cpu:
      meaningful([cpu?.manufacturer, cpu?.brand].filter(Boolean).join(' ')) ??
      meaningful(cpus()[0]?.model) ??
      'unknown',
    arch: arch(),
    cores: Math.max(1, cpus().length),
    memoryBytes: totalmem(),
    hostname: hostname(),
  };
}
