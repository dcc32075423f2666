import { describe, expect, it } from 'vitest';
import { askSeldom, createAsk } from '../../../agent/sense/ask-command.ts';
import { createChildren } from '../../../agent/sense/children.ts';
import { createFrequencySensor, parseFrequencyHz } from '../../../agent/sense/frequency.ts';
import { createJetsonGpuSensor } from '../../../agent/sense/jetson-gpu.ts';
import { createJetsonPowerSensor } from '../../../agent/sense/jetson-power.ts';
import { createOverCurrentSensor } from '../../../agent/sense/over-current.ts';
import { createRaplSensor, energyBetweenUj } from '../../../agent/sense/rapl.ts';
import {
  createRaspberryPiSensor,
  parsePmicPowerW,
  parseThrottled,
} from '../../../agent/sense/raspberry-pi.ts';
import type { Sensor } from '../../../agent/sense/sensor.ts';
import { put, writeTree } from './write-tree.ts';

const nowMs = () => 1000;
const readTegraStats = () => ({ trouble: 'no tegrastats' });

/** Values by name, with the label where there is one; the reason where there are none. */
async function valuesOf(sensor: Sensor): Promise<Record<string, number> | string> {
  const result = await sensor.read();
  if (!Array.isArray(result)) return result.noData;
  return Object.fromEntries(
    result.map(({ name, value, labels }) => [[name, ...Object.values(labels ?? {})].join(' '), value]),
  );
}

describe('the frequency sensor', () => {
  it('tells the mean, and the lowest cap', async () => {
    const cpu = (n: number, now: number, allowed: number) => ({
      [`sys/devices/system/cpu/cpu${n}/cpufreq/scaling_cur_freq`]: `${now}\n`,
      [`sys/devices/system/cpu/cpu${n}/cpufreq/scaling_max_freq`]: `${allowed}\n`,
      [`sys/devices/system/cpu/cpu${n}/cpufreq/cpuinfo_max_freq`]: '1800000\n',
    });
    const root = await writeTree({ ...cpu(0, 600_000, 1_800_000), ...cpu(1, 1_200_000, 900_000) });
    await put(root, 'sys/devices/system/cpu/cpufreq/ignored', '1');
    expect(await valuesOf(createFrequencySensor({ root, nowMs }))).toEqual({
      cpu_frequency: 900e6,
      cpu_frequency_cap: 0.5,
    });
    expect(await valuesOf(createFrequencySensor({ root: await writeTree({}), nowMs }))).toMatch(
      'no /sys/devices',
    );
  });

  it('refuses what is no number of kilohertz', () => {
    expect(parseFrequencyHz('1500000\n')).toBe(1.5e9);
    for (const text of ['', '<unknown>', '-5', '0', '1e9']) expect(parseFrequencyHz(text)).toBeUndefined();
  });
});

describe('the sensors of a Jetson', () => {
  const ina = 'sys/class/hwmon/hwmon3';
  const channel = (n: number, label: string, millivolts: number, milliamperes: number) => ({
    [`${ina}/in${n}_label`]: `${label}\n`,
    [`${ina}/in${n}_input`]: `${millivolts}\n`,
    [`${ina}/curr${n}_input`]: `${milliamperes}\n`,
  });

  it('take the power of the rail that feeds the others for that of all (JetPack 5 and newer)', async () => {
    const root = await writeTree({
      [`${ina}/name`]: 'ina3221\n',
      ...channel(1, 'VDD_IN', 5000, 1140),
      ...channel(2, 'VDD_CPU_GPU_CV', 5000, 166),
      ...channel(3, 'NC', 5000, 8),
      ...channel(7, 'sum of shunt voltages', 5000, 9999),
      'sys/class/hwmon/hwmon0/name': 'pwmfan\n',
    });
    const sensor = createJetsonPowerSensor({ root, nowMs, readTegraStats });
    expect(await valuesOf(sensor)).toEqual({
      power: 5.7,
      'power_rail VDD_IN': 5.7,
      'power_rail VDD_CPU_GPU_CV': 0.83,
    });
    await put(root, `${ina}/in1_label`, 'VDD_SOC\n');
    expect(await valuesOf(sensor)).toMatchObject({ power: expect.closeTo(6.53) });
  });

  it('read milliwatts of JetPack 4', async () => {
    const device = 'sys/bus/iio/devices/iio:device0';
    const root = await writeTree({
      [`${device}/rail_name_0`]: 'POM_5V_IN\n',
      [`${device}/in_power0_input`]: '2003\n',
      [`${device}/rail_name_1`]: 'POM_5V_GPU\n',
      [`${device}/in_power1_input`]: '40\n',
    });
    expect(await valuesOf(createJetsonPowerSensor({ root, nowMs, readTegraStats }))).toEqual({
      power: 2.003,
      'power_rail POM_5V_IN': 2.003,
      'power_rail POM_5V_GPU': 0.04,
    });
  });

  it('find the GPU once it appears, and where older boards have it', async () => {
    const root = await writeTree({ 'sys/class/devfreq/17000000.vic/device/of_node/name': 'vic\0' });
    const sensor = createJetsonGpuSensor({ root, nowMs, readTegraStats });
    expect(await valuesOf(sensor)).toMatch('no Jetson');
    await put(root, 'sys/devices/gpu.0/load', '412\n');
    expect(await valuesOf(sensor)).toEqual({ gpu_busy: 0.412 });
    const gpu = 'sys/class/devfreq/17000000.ga10b';
    await put(root, `${gpu}/device/of_node/name`, 'ga10b\0');
    await put(root, `${gpu}/device/load`, '987\n');
    await put(root, `${gpu}/cur_freq`, '305000000\n');
    await put(root, `${gpu}/max_freq`, '305000000\n');
    await put(root, `${gpu}/available_frequencies`, '305000000 610000000\n');
    expect(await valuesOf(sensor)).toEqual({ gpu_busy: 0.987, gpu_frequency: 305e6, gpu_frequency_cap: 0.5 });
    await put(root, `${gpu}/device/load`, '70000\n');
    expect(await valuesOf(sensor)).toMatchObject({ gpu_busy: 0.412 });
  });

  it('count over-current events', async () => {
    const chip = 'sys/class/hwmon/hwmon1';
    const root = await writeTree({ [`${chip}/name`]: 'soctherm_oc\n', [`${chip}/oc1_event_cnt`]: '2\n' });
    await put(root, `${chip}/oc3_event_cnt`, '5\n');
    await put(root, 'sys/class/hwmon/hwmon2/name', 'soctherm_oc\n');
    await put(root, 'sys/class/hwmon/hwmon2/oc1_event_cnt', '1\n');
    expect(await valuesOf(createOverCurrentSensor({ root, nowMs }))).toEqual({ over_current_events: 8 });
  });
});

describe('the sensor of a Raspberry Pi', () => {
  const silent = async () => undefined;
  const create = (
    root: string,
    ask: (file: string, args: string[]) => Promise<string | undefined> = silent,
  ) => createRaspberryPiSensor({ root, nowMs, monotonicMs: () => 0, ask });
  const pi = (model: string) => writeTree({ 'proc/device-tree/model': `${model}\0` });

  it('parses the bits of now alone', () => {
    const none = { pi_under_voltage: false, pi_frequency_capped: false, pi_throttled: false };
    expect(parseThrottled('throttled=0x50005\n')).toEqual({
      ...none,
      pi_under_voltage: true,
      pi_throttled: true,
      pi_soft_temperature_limit: false,
    });
    expect(parseThrottled('80008')).toEqual({ ...none, pi_soft_temperature_limit: true });
    for (const text of ['', 'throttled=', 'VCHI initialization failed', '0x123456789'])
      expect(parseThrottled(text)).toBeUndefined();
  });

  it('adds up the rails of a Pi 5 that have a current and a voltage', () => {
    const text = [
      '     3V7_WL_SW_A current(0)=0.10000000A',
      '   VDD_CORE_A current(7)=0.94657990A',
      '     3V7_WL_SW_V volt(8)=3.70000000V',
      '   VDD_CORE_V volt(15)=0.72097620V',
      '      EXT5V_V volt(24)=5.14000000V',
    ].join('\n');
    expect(parsePmicPowerW(text)).toBeCloseTo(0.37 + 0.9465799 * 0.7209762, 6);
    expect(parsePmicPowerW('EXT5V_V volt(24)=5.14V')).toBeUndefined();
  });

  const file = 'sys/devices/platform/soc/soc:firmware/get_throttled';
  const release = 'proc/sys/kernel/osrelease';
  /** A Pi of a kernel, with what it has: the file that the kernel fills, the driver of the alarm. */
  async function board(kernel: string, has: { file?: string; alarm?: string } = {}): Promise<string> {
    const root = await pi('Raspberry Pi 4 Model B Rev 1.4');
    await put(root, release, `${kernel}\n`);
    if (has.file !== undefined) await put(root, file, `${has.file}\n`);
    if (has.alarm === undefined) return root;
    await put(root, 'sys/class/hwmon/hwmon1/name', 'rpi_volt\n');
    await put(root, 'sys/class/hwmon/hwmon1/in0_lcrit_alarm', `${has.alarm}\n`);
    return root;
  }

  it('asks vcgencmd first, which alone says what was since boot', async () => {
    const asked: string[] = [];
    const ask = async (program: string, args: string[]) => {
      asked.push([program, ...args].join(' '));
      return args[0] === 'get_throttled'
        ? 'throttled=0x50002\n'
        : 'VDD_A current(1)=2A\nVDD_V volt(2)=1.5V\n';
    };
    const root = await board('6.6.31', { file: '4', alarm: '1' });
    expect(await valuesOf(create(root, ask))).toEqual({
      pi_under_voltage: 0,
      pi_frequency_capped: 1,
      pi_throttled: 0,
      pi_soft_temperature_limit: 0,
      pi_trouble_since_boot: 1,
    });
    expect(asked).toEqual(['vcgencmd get_throttled']);
    expect(await valuesOf(create(await pi('Raspberry Pi 5 Model B Rev 1.0'), ask))).toMatchObject({
      power: 3,
    });
    expect(await valuesOf(create(await pi('NVIDIA Orin Nano'), ask))).toMatch('no Raspberry Pi');
  });

  it("reads the kernel's file only without vcgencmd, and claims nothing since boot by it", async () => {
    const bitsOfNow = {
      pi_under_voltage: 0,
      pi_frequency_capped: 0,
      pi_throttled: 1,
      pi_soft_temperature_limit: 0,
    };
    const both = { file: '50004', alarm: '1' };
    expect(await valuesOf(create(await board('6.12.25-v8', both)))).toEqual(bitsOfNow);
    expect(await create(await board('5.15.61', both)).read()).toContainEqual(
      expect.objectContaining({ name: 'pi_under_voltage', note: "by the kernel's get_throttled" }),
    );
    // Such a kernel would warn in its log: the alarm of now will do, if there is one.
    for (const kernel of ['6.13.0', '6.18.2-v8+', '7.0.1', 'custom'])
      expect(await valuesOf(create(await board(kernel, both)))).toEqual({ pi_under_voltage: 1 });
    expect(await valuesOf(create(await board('6.13.0', { file: '50004' })))).toEqual(bitsOfNow);
    expect(await valuesOf(create(await board('6.13.0', { alarm: '0' })))).toEqual({ pi_under_voltage: 0 });
  });

  it('does not ask a vcgencmd that fails at every reading, and says what would mend it', async () => {
    let clockMs = 0;
    let asked = 0;
    const ask = async () => {
      asked += 1;
      return asked < 3 ? "Can't open device file: /dev/vcio" : 'throttled=0x0\n';
    };
    const root = await board('6.13.0');
    const sensor = createRaspberryPiSensor({ root, nowMs, monotonicMs: () => clockMs, ask });
    for (; clockMs < 30_000; clockMs += 1000)
      expect(await sensor.read()).toMatchObject({ cure: expect.stringContaining('group "video"') });
    expect(asked).toBe(1);
    clockMs = 60_000;
    await sensor.read();
    clockMs = 90_000;
    expect(await valuesOf(sensor)).toMatchObject({ pi_trouble_since_boot: 0 });
  });
});

describe('the rapl sensor', () => {
  it('needs two reads, leaves parts of a package out, and survives the end of the counter', async () => {
    const zone = (name: string, energy: number) => ({
      [`sys/class/powercap/${name}/name`]: name.split(':').length > 2 ? 'core\n' : 'package-0\n',
      [`sys/class/powercap/${name}/energy_uj`]: `${energy}\n`,
      [`sys/class/powercap/${name}/max_energy_range_uj`]: '1000000000\n',
    });
    const root = await writeTree({ ...zone('intel-rapl:0', 990_000_000), ...zone('intel-rapl:0:0', 5) });
    let clockMs = 0;
    const sensor = createRaplSensor({ root, nowMs, monotonicMs: () => clockMs });
    expect(await valuesOf(sensor)).toMatch('two reads');
    await put(root, 'sys/class/powercap/intel-rapl:0/energy_uj', '20000000\n');
    clockMs = 2000;
    expect(await valuesOf(sensor)).toEqual({ package_power: 15 });
    expect(energyBetweenUj(5, 7, 100)).toBe(2);
    expect(energyBetweenUj(7, 5, 100)).toBeUndefined();
    const locked = await writeTree({ 'sys/class/powercap/intel-rapl:0/name': 'package-0\n' });
    expect(await createRaplSensor({ root: locked, nowMs, monotonicMs: () => 0 }).read()).toMatchObject({
      noData: expect.stringContaining('root alone'),
      cure: expect.stringContaining('chgrp'),
    });
  });
});

describe('createAsk()', () => {
  const askCommand = createAsk(createChildren());

  it('ends a command that hangs, and has no answer from one that is absent or fails', async () => {
    expect(await askCommand('echo', ['throttled=0x0'])).toBe('throttled=0x0\n');
    expect(await askCommand('sleep', ['60'])).toBeUndefined();
    expect(await askCommand('/nowhere/vcgencmd', [])).toBeUndefined();
    expect(await askCommand('false', [])).toBeUndefined();
  });

  it('is asked seldom', async () => {
    let clockMs = 0;
    let count = 0;
    const ask = askSeldom(
      async () => String(++count),
      5000,
      () => clockMs,
    );
    expect([await ask('a', []), await ask('a', []), await ask('b', [])]).toEqual(['1', '1', '2']);
    clockMs = 5000;
    expect(await ask('a', [])).toBe('3');
  });
});
