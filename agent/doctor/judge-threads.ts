import type { Finding } from '../../terminal/finding.ts';
import type { Reading } from '../sense/sensor.ts';
import { type Cores, formatCpuList } from './read-cores.ts';

/** What holds inference threads back on a machine, judged from its cores and from what its sensors read. */
export type ThreadFacts = {
  cores: Cores;
  /** For machines that do not tell which CPUs are on; undefined if nothing tells. */
  coreCount: number | undefined;
  isJetson: boolean;
  readings: readonly Reading[];
  /** What a recorded tree lacks is unknown; what this machine lacks it has not. */
  isRecorded?: boolean;
  /** Whether anything says in which control groups the process is. */
  hasGroups?: boolean;
};

const setMode = 'sudo nvpmodel -m ID on the host, whose /etc/nvpmodel.conf lists them';
const percent = (share: number) => `${Math.round(share * 100)}%`;
const plural = (count: number, word: string) => `${count} ${word}${count === 1 ? '' : 's'}`;
const isIn = (cpus: readonly number[]) => (cpu: number) => cpus.includes(cpu);

function numberOf(readings: readonly Reading[], name: string): number | undefined {
  return readings.find((reading) => reading.name === name)?.value;
}

/** CPUs that are on and open to this process. */
function usableCount({ cores: { online, allowed }, coreCount }: ThreadFacts): number | undefined {
  if (online && allowed) return Math.max(1, online.filter(isIn(allowed)).length);
  return (online ?? allowed)?.length ?? coreCount;
}

function judgeCores(facts: ThreadFacts, usable: number | undefined, threads: number | undefined): Finding {
  if (usable === undefined || threads === undefined)
    return { name: 'cores', ok: true, text: 'the kernel does not say how many CPUs there are' };
  const { present, online, allowed } = facts.cores;
  const all = present?.length ?? facts.coreCount ?? usable;
  const off = present && online ? present.filter((cpu) => !online.includes(cpu)) : [];
  const shut = online && allowed ? online.filter((cpu) => !allowed.includes(cpu)) : [];
  const told = [
    `${usable} of ${all} usable; threads: ${threads} at most${threads < usable ? ', by the quota' : ''}`,
    ...(off.length > 0 ? [`CPU ${formatCpuList(off)} off`] : []),
    ...(shut.length > 0 ? [`CPU ${formatCpuList(shut)} closed to this process`] : []),
  ];
  const cures = [
    ...(off.length > 0
      ? [
          facts.isJetson
            ? `choose a power mode with all cores: ${setMode}`
            : `echo 1 | sudo tee /sys/devices/system/cpu/cpu${off[0]}/online`,
        ]
      : []),
    ...(shut.length > 0 ? ['widen the affinity (taskset, systemd AllowedCPUs=, docker --cpuset-cpus)'] : []),
  ];
  return {
    name: 'cores',
    ok: cures.length === 0,
    text: told.join('; '),
    ...(cures.length > 0 ? { cure: cures.join('; ') } : {}),
  };
}

function judgeQuota(facts: ThreadFacts, usable = Number.POSITIVE_INFINITY, threads = 1): Finding {
  const { readings, isRecorded = false, hasGroups = true } = facts;
  const name = 'quota';
  const limit = numberOf(readings, 'cgroup_cpu_limit');
  if (limit === undefined && isRecorded && !hasGroups)
    return { name, ok: true, text: 'unknown: the tree has no /proc/self/cgroup' };
  if (limit === undefined) return { name, ok: true, text: 'no control group limits the CPU time' };
  if (limit >= usable) return { name, ok: true, text: `${plural(limit, 'core')}, no less than are usable` };
  const held = numberOf(readings, 'cgroup_throttled') ?? 0;
  const now = held > 0 ? `; held back for ${percent(held)} of the time just now` : '';
  return {
    name,
    ok: false,
    text: `the control group has ${plural(limit, 'core')} of CPU time: more than ${plural(threads, 'thread')} would be held back${now}`,
    cure: `set engine.threads of the profile to ${threads}, or raise the limit (docker --cpus, systemd CPUQuota=, Kubernetes limits.cpu)`,
  };
}

/** Governors of cpufreq (Documentation/admin-guide/pm/cpufreq.rst); the drivers of Intel and AMD have a `powersave` that is none. */
function judgeGovernor({ cores: { governors, drivers }, isRecorded = false }: ThreadFacts): Finding {
  const name = 'governor';
  const text = governors.join(', ');
  if (governors.length === 0)
    return {
      name,
      ok: true,
      text: isRecorded ? 'unknown: the tree names no governor' : 'the kernel governs no frequency here',
    };
  const isActive = drivers.some((driver) => /^(intel_pstate|amd-pstate-epp)$/.test(driver));
  const slow = governors.filter(
    (governor) => /^(userspace|conservative)$/.test(governor) || (governor === 'powersave' && !isActive),
  );
  if (slow.length > 0)
    return {
      name,
      ok: false,
      text: `${text}: holds the frequency down`,
      cure: 'echo schedutil | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor',
    };
  const isSteady = governors.every((governor) => governor === 'performance');
  return { name, ok: true, text: isSteady ? text : `${text}: after a pause, the first runs are slower` };
}

function judgeFrequency({ readings, isJetson, isRecorded = false }: ThreadFacts): Finding {
  const name = 'frequency';
  const cap = numberOf(readings, 'cpu_frequency_cap');
  if (cap === undefined)
    return {
      name,
      ok: true,
      text: isRecorded ? 'unknown: the tree has no frequency' : 'the kernel reports no cap',
    };
  if (cap > 0.995) return { name, ok: true, text: 'no cap below what the hardware can' };
  const mode = readings.find((reading) => reading.name === 'power_mode');
  return {
    name,
    ok: false,
    text: `capped at ${percent(cap)} of what the hardware can${mode ? `, by power mode ${mode.note} or heat` : ''}`,
    cure: isJetson
      ? `choose a stronger power mode: ${setMode}`
      : 'look for heat, a power mode, or a limit in scaling_max_freq that somebody has set',
  };
}

const piBits: Record<string, string> = {
  pi_under_voltage: 'under-voltage',
  pi_frequency_capped: 'frequency capped',
  pi_throttled: 'throttled',
  pi_soft_temperature_limit: 'soft temperature limit',
};

function judgeFirmware({ readings }: ThreadFacts): Finding[] {
  const name = 'firmware';
  const now = Object.entries(piBits).flatMap(([bit, words]) =>
    (numberOf(readings, bit) ?? 0) > 0 ? [words] : [],
  );
  const since = readings.find((reading) => reading.name === 'pi_trouble_since_boot');
  if (since === undefined && numberOf(readings, 'pi_under_voltage') === undefined) return [];
  const before = since?.note;
  const isBitKnown = numberOf(readings, 'pi_throttled') !== undefined;
  if (now.length === 0 && since === undefined)
    return [
      {
        name,
        ok: true,
        text: `${isBitKnown ? 'does not throttle now' : 'no under-voltage now'}; since boot is unknown without vcgencmd`,
        cure: 'install raspi-utils (or libraspberrypi-bin), and put the user into the group "video"',
      },
    ];
  if (now.length === 0 && before === undefined)
    return [{ name, ok: true, text: 'has not throttled since boot, by vcgencmd' }];
  const told = [
    ...(now.length > 0 ? [`now: ${now.join(', ')}`] : []),
    ...(before === undefined ? [] : [`since boot: ${before}`]),
    ...(since === undefined ? ['since boot is unknown without vcgencmd'] : []),
  ].join('; ');
  const cures = [
    ...(/voltage/.test(told) ? ['a supply that holds 5.1 V under load, on a short cable'] : []),
    ...(/temperature|throttled|capped/.test(told) ? ['a heat sink and a fan'] : []),
  ];
  return [{ name, ok: false, text: told, cure: cures.join('; ') }];
}

function judgeSupply({ readings }: ThreadFacts): Finding[] {
  const events = numberOf(readings, 'over_current_events');
  if (events === undefined) return [];
  if (events === 0) return [{ name: 'supply', ok: true, text: 'no over-current event since boot' }];
  return [
    {
      name: 'supply',
      ok: false,
      text: `${plural(events, 'over-current event')} since boot, at each of which the clocks went down`,
      cure: 'a stronger supply, or a power mode that draws less',
    },
  ];
}

/** Whether inference threads would be held back, and by what. */
export function judgeThreads(facts: ThreadFacts): { threads: number | undefined; findings: Finding[] } {
  const usable = usableCount(facts);
  const limit = numberOf(facts.readings, 'cgroup_cpu_limit') ?? Number.POSITIVE_INFINITY;
  const most = Math.min(usable ?? Number.POSITIVE_INFINITY, limit);
  const threads = Number.isFinite(most) ? Math.max(1, Math.floor(most)) : undefined;
  return {
    threads,
    findings: [
      judgeCores(facts, usable, threads),
      judgeQuota(facts, usable, threads),
      judgeGovernor(facts),
      judgeFrequency(facts),
      ...judgeFirmware(facts),
      ...judgeSupply(facts),
    ],
  };
}
