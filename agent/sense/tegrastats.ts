import type { FollowCommand } from './follow-command.ts';
import type { Rail } from './jetson-power.ts';

/** What one line of tegrastats tells of GPU and power. */
export type TegraStats = { gpuBusy?: number; gpuHz?: number; rails: Rail[] };

const rail = /(?<= )([A-Z][A-Z0-9_]{1,31}) (\d{1,6})(?:mW)?\/\d{1,6}(?:mW)?(?= |$)/g;

/**
 * Parses a line of tegrastats (Jetson Linux Developer Guide, tegrastats utility): `GR3D_FREQ 7%@[305]` is the GPU's load and clock in MHz, which
 * some boards and releases leave out; `VDD_IN 5704mW/5704mW` a rail's power now and on average, without the unit before JetPack 5.
 * @returns undefined where it tells neither.
 */
export function parseTegraStats(line: string): TegraStats | undefined {
  // The clocks of several graphics clusters stand in one list.
  const [, percent, megahertz] =
    / GR3D(?:_FREQ)? (?:(\d{1,3})%)?(?:@\[?(\d{1,5})[\d,]*\]?)?(?= |$)/.exec(line) ?? [];
  const rails = Array.from(line.matchAll(rail), ([, label = '', milliwatts]) => ({
    label,
    powerW: Number(milliwatts) / 1000,
  })).filter(({ label }) => label !== 'NC');
  const stats = {
    ...(percent !== undefined && Number(percent) <= 100 ? { gpuBusy: Number(percent) / 100 } : {}),
    ...(megahertz === undefined ? {} : { gpuHz: Number(megahertz) * 1e6 }),
    rails,
  };
  return stats.gpuBusy === undefined && stats.gpuHz === undefined && rails.length === 0 ? undefined : stats;
}

export const tegraStatsCure =
  "in a container, mount /sys and /usr/bin/tegrastats of the host; else run as a user who may read the kernel's files";

/** The newest of what tegrastats tells, or why there is nothing. */
export type ReadTegraStats = () => TegraStats | { trouble: string; soon?: true };

const intervalMs = 1000;
const staleMs = 5 * intervalMs;

/** One process of tegrastats for all sensors that need it. */
export function createTegraStats(follow: FollowCommand, monotonicMs: () => number): ReadTegraStats {
  let last: { stats: TegraStats; atMs: number } | undefined;
  const following = follow('tegrastats', ['--interval', String(intervalMs)], (line) => {
    const stats = parseTegraStats(line);
    if (stats) last = { stats, atMs: monotonicMs() };
  });
  return () => {
    following.keep();
    if (last && monotonicMs() - last.atMs <= staleMs) return last.stats;
    return following.trouble === undefined
      ? { trouble: 'tegrastats has not told anything yet', soon: true }
      : { trouble: `tegrastats: ${following.trouble}` };
  };
}
