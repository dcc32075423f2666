/** Cores of ARM's licensees, by implementer and part of MIDR_EL1 (arch/arm64/include/asm/cputype.h). */
const armCores: Record<string, string> = {
  '0x41:0xd03': 'Cortex-A53',
  '0x41:0xd04': 'Cortex-A35',
  '0x41:0xd05': 'Cortex-A55',
  '0x41:0xd07': 'Cortex-A57',
  '0x41:0xd08': 'Cortex-A72',
  '0x41:0xd09': 'Cortex-A73',
  '0x41:0xd0a': 'Cortex-A75',
  '0x41:0xd0b': 'Cortex-A76',
  '0x41:0xd0c': 'Neoverse N1',
  '0x41:0xd40': 'Neoverse V1',
  '0x41:0xd41': 'Cortex-A78',
  '0x41:0xd42': 'Cortex-A78AE',
  '0x41:0xd49': 'Neoverse N2',
  '0x41:0xd4f': 'Neoverse V2',
  '0x41:0xd83': 'Neoverse V3AE',
  '0x41:0xc07': 'Cortex-A7',
  '0x4e:0x003': 'Denver 2',
  '0x4e:0x004': 'Carmel',
};

export type CpuInfo = { model: string | undefined; cores: number; arch: 'x64' | 'arm64' | 'arm' | undefined };

/**
 * Parses `/proc/cpuinfo` (proc_cpuinfo(5)) of x86 and ARM: the cores that are on, and what they are. ARM kernels give numbers, which are looked
 * up, as the `model name` that some add says no more than the architecture's version.
 */
export function parseCpuInfo(text: string): CpuInfo {
  const values = (field: string) =>
    Array.from(
      text.matchAll(new RegExp(`^${field}[ \\t]*: *(.*?)[ \\t]*$`, 'gm')),
      ([, value = '']) => value,
    );
  const cores = values('processor').length;
  const parts = values('CPU part');
  const names = values('CPU implementer').map(
    (implementer, index) => armCores[`${implementer}:${parts[index]}`],
  );
  const known = new Set(names.flatMap((name) => name ?? []));
  const [model] = values('model name');
  const [architecture] = values('CPU architecture');
  const arm = architecture === '8' ? 'arm64' : architecture === '7' ? 'arm' : undefined;
  return {
    model: known.size > 0 ? [...known].join(' and ') : model?.replace(/\s+/g, ' ') || undefined,
    cores,
    arch: arm ?? (/^flags\s*:.*\blm\b/m.test(text) ? 'x64' : undefined),
  };
}
