import { describe, expect, it } from 'vitest';
import { parseCpuInfo } from '../../../agent/sense/cpu-info.ts';
import type { FollowCommand } from '../../../agent/sense/follow-command.ts';
import { createJetsonGpuSensor } from '../../../agent/sense/jetson-gpu.ts';
import { createJetsonPowerSensor } from '../../../agent/sense/jetson-power.ts';
import { createNvidiaGpuSensor, parseGpuLine } from '../../../agent/sense/nvidia-gpu.ts';
import { createNvpmodelSensor, parsePowerMode } from '../../../agent/sense/nvpmodel.ts';
import { createTegraStats, parseTegraStats } from '../../../agent/sense/tegrastats.ts';
import { put, writeTree } from './write-tree.ts';

const nowMs = () => 1000;
const orin = { 'proc/device-tree/compatible': 'nvidia,p3767-0005\0nvidia,tegra234\0' };

/** A command whose lines the test says. */
function fakeFollow() {
  const started: string[] = [];
  let say: (line: string) => void = () => {};
  const state: { trouble?: string } = {};
  const follow: FollowCommand = (file, args, onLine) => {
    started.push([file, ...args].join(' '));
    say = onLine;
    return {
      keep() {},
      get trouble() {
        return state.trouble;
      },
    };
  };
  return { follow, started, state, say: (line: string) => say(line) };
}

describe('parseTegraStats()', () => {
  it('reads the lines of all boards', () => {
    const nano =
      'RAM 1409/3964MB (lfb 28x4MB) SWAP 0/1982MB (cached 0MB) IRAM 0/252kB(lfb 252kB) CPU [22%@518,67%@518,off,off] EMC_FREQ 0%@1600 GR3D_FREQ 12%@76 APE 25 PLL@28.5C CPU@32C PMIC@50C GPU@30.5C AO@39.5C thermal@31.25C POM_5V_IN 2003/2003 POM_5V_GPU 0/0 POM_5V_CPU 320/320';
    expect(parseTegraStats(nano)).toEqual({
      gpuBusy: 0.12,
      gpuHz: 76e6,
      rails: [
        { label: 'POM_5V_IN', powerW: 2.003 },
        { label: 'POM_5V_GPU', powerW: 0 },
        { label: 'POM_5V_CPU', powerW: 0.32 },
      ],
    });
    const orinLine =
      '11-30-2025 13:26:01 RAM 2461/7620MB (lfb 3x2MB) SWAP 1243/3810MB (cached 5MB) CPU [19%@729,0%@729] EMC_FREQ 4%@2133 GR3D_FREQ 7%@[305] NVDEC off cpu@46.531C tj@48.843C VDD_IN 5704mW/5704mW VDD_CPU_GPU_CV 831mW/831mW VDD_SOC 1624mW/1624mW';
    expect(parseTegraStats(orinLine)).toMatchObject({ gpuBusy: 0.07, gpuHz: 305e6, rails: { length: 3 } });
    const xavier =
      'RAM 14700/15692MB (lfb 3x2MB) CPU [0%@1190,0%@1190] EMC_FREQ 0% GR3D_FREQ 0% AO@30C PMIC@100C GPU 463/463 CPU 618/618 SOC 2936/2936 CV 0/0 VDDRQ 309/309 SYS5V 3306/3306';
    expect(parseTegraStats(xavier)).toMatchObject({ gpuBusy: 0, rails: { length: 6, 0: { label: 'GPU' } } });
    expect(parseTegraStats(xavier)).not.toHaveProperty('gpuHz');
    expect(parseTegraStats('RAM 1/2MB GR3D_FREQ @[1000,1000,1000] VIN 1mW/1mW')).toMatchObject({
      gpuHz: 1e9,
    });
    for (const line of ['', 'RAM 1409/3964MB', 'sudo: tegrastats: command not found', 'GR3D_FREQ 900%'])
      expect(parseTegraStats(line)).toBeUndefined();
  });
});

describe('tegrastats', () => {
  it('steps in, one process for both sensors, where the files cannot be read, and back once they can', async () => {
    const { follow, started, say, state } = fakeFollow();
    let clockMs = 0;
    const readTegraStats = createTegraStats(follow, () => clockMs);
    const root = await writeTree(orin);
    const gpu = createJetsonGpuSensor({ root, nowMs, readTegraStats });
    const power = createJetsonPowerSensor({ root, nowMs, readTegraStats });
    expect(await gpu.read()).toMatchObject({ soon: true });
    say('x GR3D_FREQ 50%@[306] VDD_IN 5000mW/5000mW VDD_SOC 1000mW/1000mW');
    expect(await gpu.read()).toMatchObject([
      { name: 'gpu_busy', value: 0.5 },
      { name: 'gpu_frequency', value: 306e6 },
    ]);
    expect(await power.read()).toMatchObject([{ name: 'power', value: 5 }, { value: 5 }, { value: 1 }]);
    expect(started).toEqual(['tegrastats --interval 1000']);
    clockMs = 6000;
    state.trouble = 'it is not installed';
    expect(await power.read()).toMatchObject({
      noData: expect.stringContaining('tegrastats: it is not installed'),
      cure: expect.stringContaining('container'),
    });
    await put(root, 'sys/devices/platform/gpu.0/load', '250\n');
    expect(await gpu.read()).toMatchObject([{ name: 'gpu_busy', value: 0.25 }]);
  });
});

describe('the nvpmodel sensor', () => {
  it('takes the mode from files, else from nvpmodel; a mode that comes later is found', async () => {
    const asked: string[] = [];
    let clockMs = 0;
    const root = await writeTree(orin);
    const ask = async (file: string, args: string[]) => {
      asked.push([file, ...args].join(' '));
      return 'NVPM WARN: fan mode is not set!\nNV Power Mode: MODE_15W\n2\n';
    };
    const sensor = createNvpmodelSensor({ root, nowMs, monotonicMs: () => clockMs, ask });
    const mode = (value: number, note: string) => [
      { name: 'power_mode', value, unit: 'id', atMs: 1000, note },
    ];
    expect(await sensor.read()).toEqual(mode(2, 'MODE_15W'));
    await sensor.read();
    expect(asked).toEqual(['nvpmodel -q']);
    await put(root, 'var/lib/nvpmodel/status', 'pmode:0001 fmode:quiet\n');
    await put(root, 'etc/nvpmodel.conf', '< POWER_MODEL ID=0 NAME=15W >\n< POWER_MODEL ID=1 NAME=25W >\n');
    clockMs = 60_000;
    expect(await sensor.read()).toEqual(mode(1, '25W'));
    expect(asked).toHaveLength(1);
    const other = createNvpmodelSensor({ root: await writeTree({}), nowMs, monotonicMs: () => 0, ask });
    expect(await other.read()).toEqual({ noData: 'this is no Jetson' });
    for (const text of ['', 'NV Power Mode: MAXN', 'NV Power Mode: MAXN\nx\n'])
      expect(parsePowerMode(text)).toBeUndefined();
  });
});

describe('the sensor of NVIDIA GPUs', () => {
  it('parses what each card tells', () => {
    expect(parseGpuLine('1, 97, 18211, 24564, 71, 449.87, 0x0000000000000064')).toEqual({
      index: 1,
      busy: 0.97,
      memoryUsedBytes: 18211 * 2 ** 20,
      memoryTotalBytes: 24564 * 2 ** 20,
      tempC: 71,
      powerW: 449.87,
      throttling: ['power cap', 'heat (software)', 'heat (hardware)'],
    });
    expect(parseGpuLine('0, [N/A], [Not Supported], [N/A], 40, [N/A], [N/A]')).toEqual({
      index: 0,
      tempC: 40,
    });
    expect(parseGpuLine('0, 0, 1, 2, 40, 9, 0x0000000000000001')).toMatchObject({ throttling: [] });
    for (const line of ['', 'NVIDIA-SMI has failed', '0, 1, 2', 'x, 1, 2, 3, 4, 5, 0x0'])
      expect(parseGpuLine(line)).toBeUndefined();
  });

  it('starts nothing without a driver, finds one that comes later, and drops a card that has gone', async () => {
    const { follow, started, say } = fakeFollow();
    let clockMs = 0;
    const root = await writeTree({});
    const sensor = createNvidiaGpuSensor({
      root,
      nowMs,
      monotonicMs: () => clockMs,
      platform: 'linux',
      follow,
    });
    expect(await sensor.read()).toMatchObject({ noData: expect.stringContaining('no driver') });
    expect(started).toEqual([]);
    await put(root, 'proc/driver/nvidia/version', 'NVRM version: 550\n');
    expect(await sensor.read()).toMatchObject({ soon: true });
    say('1, 10, 1, 2, 40, 9, 0x0');
    say('0, 20, 1, 2, 40, 9, 0x4');
    const busy = async () => {
      const result = await sensor.read();
      return Array.isArray(result)
        ? result.filter(({ name }) => name === 'gpu_busy').map(({ labels, value }) => [labels?.gpu, value])
        : result.noData;
    };
    expect(await busy()).toEqual([
      ['gpu0', 0.2],
      ['gpu1', 0.1],
    ]);
    clockMs = 8000;
    say('0, 30, 1, 2, 40, 9, 0x4');
    clockMs = 12_000;
    expect(await busy()).toEqual([['gpu0', 0.3]]);
  });

  it('asks by the newer name where the driver has dropped the older one', async () => {
    const { follow, started, say } = fakeFollow();
    const root = await writeTree({ 'proc/driver/nvidia/version': 'x\n' });
    const sensor = createNvidiaGpuSensor({ root, nowMs, monotonicMs: () => 0, platform: 'linux', follow });
    await sensor.read();
    say('Field "clocks_throttle_reasons.active" is not a valid field to query.');
    await sensor.read();
    expect(started.map((line) => /clocks_\w+/.exec(line)?.[0])).toEqual([
      'clocks_throttle_reasons',
      'clocks_event_reasons',
    ]);
  });

  it("leaves a Jetson's GPU to the files, from Thor on to nvidia-smi", async () => {
    const { follow, started } = fakeFollow();
    const driver = { 'proc/driver/nvidia/version': 'x\n' };
    const create = async (files: Record<string, string>) =>
      createNvidiaGpuSensor({
        root: await writeTree({ ...driver, ...files }),
        nowMs,
        monotonicMs: () => 0,
        platform: 'linux',
        follow,
      }).read();
    await create(orin);
    expect(started).toEqual([]);
    await create({ 'proc/device-tree/compatible': 'nvidia,p3834\0nvidia,tegra264\0' });
    expect(started).toHaveLength(1);
  });
});

describe('parseCpuInfo()', () => {
  it('names the cores of ARM by their numbers', () => {
    const one = 'CPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: 0xd0b\n\n';
    const little = 'CPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: 0xd05\n\n';
    expect(parseCpuInfo(`processor\t: 0\n${little}processor\t: 1\n${one}`)).toEqual({
      model: 'Cortex-A55 and Cortex-A76',
      cores: 2,
      arch: 'arm64',
    });
    expect(parseCpuInfo('')).toEqual({ model: undefined, cores: 0, arch: undefined });
  });
});
