import { execFileSync } from 'node:child_process';
import { cp, mkdir, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBatterySensor } from '../../../agent/sense/battery.ts';
import { createCpuSensor, parseProcStat } from '../../../agent/sense/cpu.ts';
import { readIdentity } from '../../../agent/sense/identity.ts';
import { createMemorySensor, parseMeminfo } from '../../../agent/sense/memory.ts';
import { createPsiSensor, parsePressure } from '../../../agent/sense/psi.ts';
import { readBounded } from '../../../agent/sense/read-bounded.ts';
import { createSensors, type SensorName, sensorNames } from '../../../agent/sense/sensors.ts';
import { createTemperatureSensor, parseZoneTempC } from '../../../agent/sense/temperature.ts';
import { projectRoot } from '../../project-root.ts';
import { temporaryFolder } from '../../temporary-folder.ts';
import { put, writeTree } from './write-tree.ts';

const laptop = join(projectRoot, 'test/fixtures/laptop');
const pi = join(projectRoot, 'test/fixtures/raspberry-pi-4');
const nowMs = () => 1000;

/** A copy of a fixture that a test may change. */
async function copyOf(fixture: string): Promise<string> {
  const root = await temporaryFolder();
  await cp(fixture, root, { recursive: true });
  return root;
}

describe('the cpu sensor', () => {
  it('parses user, system, steal and counts CPUs', () => {
    const text = 'cpu  1000 50 400 8000 100 0 20 30 0 0\ncpu0 1 0 0 0 0\ncpu1 1 0 0 0 0\n';
    expect(parseProcStat(text)).toEqual({ busy: 1500, steal: 30, idle: 8100, total: 9600, cpus: 2 });
  });

  it('refuses text that is no /proc/stat', () => {
    for (const text of ['', 'cpu', 'cpu  1 2 x 4', 'cpu  -1 2 3 4', '\0\0\0', 'intr 1 2 3'])
      expect(parseProcStat(text)).toBeUndefined();
  });

  it('needs two reads, then tells busy, steal and what others use', async () => {
    const root = await copyOf(laptop);
    let clockMs = 0;
    let ownMs = 0;
    const sensor = createCpuSensor({ root, nowMs, ownCpuMs: () => ownMs, monotonicMs: () => clockMs });
    expect(await sensor.read()).toMatchObject({ noData: expect.stringContaining('two reads') });
    // One second of two CPUs, 200 ticks: 120 busy, 20 of them stolen; this process used 0.4 of 2 s.
    await put(root, 'proc/stat', 'cpu  1100 50 400 8080 100 0 20 50 0 0\ncpu0 0 0 0 0\ncpu1 0 0 0 0\n');
    clockMs = 1000;
    ownMs = 400;
    const values = Object.fromEntries(
      ((await sensor.read()) as { name: string; value: number }[]).map(({ name, value }) => [name, value]),
    );
    expect(values.cpu_busy).toBeCloseTo(0.6);
    expect(values.cpu_steal).toBeCloseTo(0.1);
    expect(values.cpu_others).toBeCloseTo(0.4);
  });

  it('drops an interval in which a counter went backwards, and goes on from there', async () => {
    const root = await writeTree({ 'proc/stat': 'cpu  1000 0 0 9000 0 0 0 0\n' });
    let clockMs = 0;
    const sensor = createCpuSensor({ root, nowMs, ownCpuMs: () => 0, monotonicMs: () => clockMs });
    const next = async (line: string) => {
      clockMs += 1000;
      await put(root, 'proc/stat', `${line}\n`);
      return sensor.read();
    };
    await sensor.read();
    const backwards = { noData: 'the counters of /proc/stat went backwards', soon: true };
    // Idle alone, busy alone, and all of them, as after a CPU was switched off.
    expect(await next('cpu  1100 0 0 8950 0 0 0 0')).toEqual(backwards);
    expect(await next('cpu  1050 0 0 9250 0 0 0 0')).toEqual(backwards);
    expect(await next('cpu  10 0 0 90 0 0 0 0')).toEqual(backwards);
    expect(await next('cpu  60 0 0 140 0 0 0 0')).toMatchObject([{ name: 'cpu_busy', value: 0.5 }, {}, {}]);
    // A container that sums what its CPUs ever counted was given one more.
    expect(await next('cpu  9000 0 0 99000 0 0 0 0\ncpu0 1 1\ncpu1 1 1')).toEqual({
      noData: 'the number of CPUs in /proc/stat changed',
      soon: true,
    });
    expect(await next('cpu  9050 0 0 99150 0 0 0 0\ncpu0 1 1\ncpu1 1 1')).toMatchObject([
      { name: 'cpu_busy', value: 0.25 },
      {},
      {},
    ]);
  });

  it('says so if the counters stand still, at zero as in gVisor or elsewhere', async () => {
    const root = await writeTree({ 'proc/stat': 'cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\n' });
    let clockMs = 0;
    const sensor = createCpuSensor({ root, nowMs, ownCpuMs: () => 0, monotonicMs: () => clockMs });
    const still = 'the counters of /proc/stat stand still';
    for (clockMs = 0; clockMs < 3000; clockMs += 1000)
      expect(await sensor.read()).toEqual({ noData: `${still} at 0, as in gVisor` });
    await put(root, 'proc/stat', 'cpu  5 0 0 5 0 0 0 0\n');
    expect(await sensor.read()).toHaveProperty('soon');
    clockMs += 10;
    expect(await sensor.read()).toHaveProperty('soon');
    clockMs += 1000;
    expect(await sensor.read()).toEqual({ noData: still });
  });
});

describe('the pressure sensor', () => {
  it('parses totals', () => {
    const line = 'avg10=0.00 avg60=0.00 avg300=0.00 total';
    expect(parsePressure(`some ${line}=12\nfull ${line}=3\n`)).toEqual({ someUs: 12, fullUs: 3 });
    expect(parsePressure(`some ${line}=12\n`)).toEqual({ someUs: 12 });
    expect(parsePressure('')).toBeUndefined();
  });

  it('tells the share of time in which tasks waited between two reads', async () => {
    const root = await copyOf(laptop);
    let clockMs = 0;
    const sensor = createPsiSensor({ root, nowMs, monotonicMs: () => clockMs });
    expect(await sensor.read()).toHaveProperty('noData');
    clockMs = 500;
    await put(root, 'proc/pressure/cpu', 'some avg10=0 avg60=0 avg300=0 total=5125000\n');
    expect(await sensor.read()).toContainEqual({
      name: 'psi_cpu_some',
      value: 0.25,
      unit: 'ratio',
      atMs: 1000,
    });
  });

  it('names the cure where the kernel has it switched off', async () => {
    const sensor = createPsiSensor({ root: pi, nowMs, monotonicMs: () => 0 });
    expect(await sensor.read()).toMatchObject({ cure: expect.stringContaining('psi=1') });
  });
});

describe('the memory sensor', () => {
  it('reads what is available, what there is, and its own share', async () => {
    const sensor = createMemorySensor({ root: pi, nowMs, rssBytes: () => 5 });
    expect(await sensor.read()).toEqual([
      { name: 'memory_available', value: 3387692 * 1024, unit: 'bytes', atMs: 1000 },
      { name: 'memory_total', value: 3884360 * 1024, unit: 'bytes', atMs: 1000 },
      { name: 'process_rss', value: 5, unit: 'bytes', atMs: 1000 },
    ]);
  });

  it('has no data for a kernel that does not tell MemAvailable', () => {
    expect(parseMeminfo('MemTotal:  10 kB\n')).toBeUndefined();
  });
});

describe('the temperature sensor', () => {
  it('pairs type and temperature zone by zone and drops zones that are silent or absurd', async () => {
    const sensor = createTemperatureSensor({ root: laptop, nowMs });
    expect(await sensor.read()).toEqual([
      {
        name: 'temperature',
        value: 27.8,
        unit: 'celsius',
        atMs: 1000,
        labels: { zone: 'thermal_zone0', type: 'acpitz' },
      },
      {
        name: 'temperature',
        value: 51,
        unit: 'celsius',
        atMs: 1000,
        labels: { zone: 'thermal_zone10', type: 'x86_pkg_temp' },
      },
    ]);
  });

  it('refuses temperatures that no working zone has', () => {
    expect(parseZoneTempC('48199\n')).toBe(48.199);
    for (const text of ['-256000', '200000', '', 'hot', '1e3', '\0'])
      expect(parseZoneTempC(text)).toBeUndefined();
  });
});

describe('the battery sensor', () => {
  it('tells charge, power and mains, and leaves out the battery of a mouse', async () => {
    const sensor = createBatterySensor({ root: laptop, nowMs });
    const readings = (await sensor.read()) as { name: string; value: number; labels: object }[];
    expect(readings.map(({ name, value, labels }) => [name, value, labels])).toEqual([
      ['mains_online', 0, { supply: 'AC' }],
      ['battery_charge', 0.63, { supply: 'BAT0' }],
      ['battery_discharging', 1, { supply: 'BAT0' }],
      ['battery_power', 18, { supply: 'BAT0' }],
    ]);
  });

  it('says why a board without one has no data', async () => {
    expect(await createBatterySensor({ root: pi, nowMs }).read()).toHaveProperty('noData');
  });
});

describe('hostile files', () => {
  const files = [
    'proc/stat',
    'proc/meminfo',
    'proc/pressure/cpu',
    'proc/self/cgroup',
    'proc/device-tree/model',
    'sys/fs/cgroup/cpu.max',
    'sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq',
    'sys/class/thermal/thermal_zone0/temp',
    'sys/class/hwmon/hwmon0/name',
    'sys/class/devfreq/gpu/device/load',
    'sys/class/powercap/intel-rapl:0/energy_uj',
  ];
  const all = (root: string, names: readonly SensorName[] = sensorNames) =>
    createSensors({ root, names, nowMs, monotonicMs: () => 0, platform: 'linux' });

  it('cost a reading, never an exception: any bytes', async () => {
    const root = await copyOf(laptop);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...files), fc.uint8Array({ maxLength: 300 }), async (file, bytes) => {
        await put(root, file, bytes);
        for (const sensor of all(root)) {
          const result = await sensor.read();
          if (Array.isArray(result))
            for (const { value } of result) expect(Number.isFinite(value)).toBe(true);
          else expect(result.noData).not.toBe('');
        }
      }),
      { numRuns: 30 },
    );
  });

  it('of a gigabyte are read in part only', async () => {
    const root = await copyOf(laptop);
    await truncate(join(root, 'proc/meminfo'), 2 ** 30);
    expect((await readBounded(join(root, 'proc/meminfo')))?.length).toBe(64 * 1024);
  });

  it('that are folders, absent or a FIFO without writer do not hold the sensor up', async () => {
    const root = await copyOf(laptop);
    await rm(join(root, 'proc/stat'));
    await mkdir(join(root, 'proc/stat'));
    await rm(join(root, 'proc/meminfo'));
    execFileSync('mkfifo', [join(root, 'proc/meminfo')]);
    await rm(join(root, 'proc/pressure'), { recursive: true });
    for (const sensor of all(root, ['cpu', 'psi', 'memory']))
      expect(await sensor.read()).toHaveProperty('noData');
  });
});

describe('readIdentity()', () => {
  it("takes a board's name from its device tree", async () => {
    const identity = await readIdentity({ root: pi });
    expect(identity.board).toBe('Raspberry Pi 4 Model B Rev 1.4');
    expect(identity.cores).toBeGreaterThan(0);
  });
});
