import { execFileSync } from 'node:child_process';
import { constants } from 'node:fs';
import { mkdir, open, readdir, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { examine } from '../../../agent/doctor/examine.ts';
import { formatExamination } from '../../../agent/doctor/format-examination.ts';
import { createSensorRunner, type SensorReport, type SensorRunner } from '../../../agent/sense/runner.ts';
import { createSensors, sensorNames } from '../../../agent/sense/sensors.ts';
import { temporaryFolder } from '../../temporary-folder.ts';
import { boardNames, writeBoard, writeLater } from './write-board.ts';

/** One of each kind: control groups of both versions, power by hwmon and by industrial I/O, tools. */
const boards = ['raspberry-pi-5', 'jetson-nano', 'jetson-orin-nano', 'workstation'];

const each = (how: (path: string) => Promise<unknown>) => (paths: string[]) => Promise.all(paths.map(how));

/** What can stand in the files' places. */
const wrongs: Record<string, (paths: string[]) => Promise<unknown>> = {
  'are empty': each((path) => writeFile(path, '')),
  'hold random bytes': each((path) =>
    writeFile(
      path,
      Uint8Array.from({ length: 3000 }, (_, index) => (index * 193 + 7) % 256),
    ),
  ),
  'hold a number of 4096 digits': each((path) => writeFile(path, '7'.repeat(4096))),
  'are a gigabyte long': each(async (path) => {
    await writeFile(path, '');
    await truncate(path, 2 ** 30);
  }),
  'are folders': each((path) => mkdir(path)),
  'have no end': each((path) => symlink('/dev/zero', path)),
  'give an input/output error': each((path) => symlink('/proc/self/mem', path)),
  'point to themselves': each((path) => symlink(path, path)),
  'have gone': async () => {},
  'are FIFOs without a writer': async (paths) => execFileSync('mkfifo', paths),
  'are FIFOs whose writer is silent': async (paths) => {
    execFileSync('mkfifo', paths);
    const writers = await Promise.all(
      paths.map((path) => open(path, constants.O_RDWR | constants.O_NONBLOCK)),
    );
    onTestFinished(async () => {
      await Promise.all(writers.map((writer) => writer.close()));
    });
  },
};

async function filesOf(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true });
  const paths = entries.map((entry) => join(root, entry));
  const files = await Promise.all(paths.map(async (path) => ((await stat(path)).isFile() ? [path] : [])));
  return files.flat();
}

async function spoil(root: string, how: (paths: string[]) => Promise<unknown>): Promise<void> {
  const paths = await filesOf(root);
  await Promise.all(paths.map((path) => rm(path)));
  await how(paths);
}

function allSensors(root: string): SensorRunner {
  let clockMs = 0;
  const monotonicMs = () => (clockMs += 100);
  const sensors = createSensors({
    root,
    names: sensorNames,
    nowMs: () => 1000,
    monotonicMs,
    platform: 'linux',
  });
  return createSensorRunner({ sensors, monotonicMs, limitMs: 10_000 });
}

/** Every sensor either reads numbers or says why there are none. */
function expectSound(reports: SensorReport[]): void {
  expect(reports.map(({ sensor }) => sensor)).toEqual([...sensorNames]);
  for (const { sensor, success, readings, noData } of reports) {
    expect([sensor, success, noData]).toEqual([
      sensor,
      true,
      readings.length > 0 ? undefined : expect.any(String),
    ]);
    for (const { value } of readings) expect(Number.isFinite(value)).toBe(true);
  }
}

describe.skipIf(process.platform !== 'linux')(
  'all sensors, on boards of all kinds, come through when its files',
  () => {
    for (const [wrong, how] of Object.entries(wrongs))
      it(wrong, async () => {
        for (const name of boards) {
          const root = await writeBoard(name);
          const runner = allSensors(root);
          expectSound(await runner.read());
          await spoil(root, how);
          expectSound(await runner.read());
          // And from the beginning, as at a start.
          const anew = allSensors(root);
          expectSound(await anew.read());
          expectSound(await anew.read());
        }
      });

    it('vanish while they are read', async () => {
      for (const name of boards) {
        const root = await writeBoard(name);
        const runner = allSensors(root);
        await runner.read();
        const [reports] = await Promise.all([runner.read(), rm(root, { recursive: true, force: true })]);
        expectSound(reports);
        expectSound(await runner.read());
      }
    });

    it('come back', async () => {
      for (const name of boards) {
        const root = await writeBoard(name);
        const runner = allSensors(root);
        await runner.read();
        await writeLater(name, root);
        const before = await runner.read();
        await spoil(root, async () => {});
        await runner.read();
        await writeBoard(name, root);
        await runner.read();
        await writeLater(name, root);
        const count = (reports: SensorReport[]) =>
          reports.map(({ sensor, readings }) => [sensor, readings.length]);
        expect(count(await runner.read())).toEqual(count(before));
      }
    });
  },
);

describe.skipIf(process.platform !== 'linux')('all sensors', () => {
  it('find later what was not there at the start: batteries, GPUs, supplies, tools', async () => {
    for (const name of boardNames) {
      const root = await temporaryFolder();
      const runner = allSensors(root);
      expectSound(await runner.read());
      await writeBoard(name, root);
      await runner.read();
      await writeLater(name, root);
      const later = await runner.read();
      const known = allSensors(await writeBoard(name));
      await known.read();
      const names = (reports: SensorReport[]) =>
        reports.map(({ sensor, readings }) => [sensor, readings.map((reading) => reading.name)]);
      const first = names(await known.read());
      // A tree that stands still moves no counters.
      const still = new Set(['cpu', 'psi', 'rapl', 'cgroup']);
      expect(names(later).filter(([sensor]) => !still.has(String(sensor)))).toEqual(
        first.filter(([sensor]) => !still.has(String(sensor))),
      );
      expect(later.find(({ sensor }) => sensor === 'cpu')?.readings).toHaveLength(3);
    }
  });
});

describe.skipIf(process.platform !== 'linux')('ebb doctor says what it can when all files', () => {
  for (const [wrong, how] of Object.entries(wrongs))
    it(wrong, async () => {
      const root = await writeBoard('jetson-orin-nano');
      await spoil(root, how);
      const here = { ebb: '0', node: 'v20', platform: 'linux' as const, engines: async () => [] };
      let clockMs = 0;
      const found = await examine({
        root,
        here,
        monotonicMs: () => (clockMs += 100),
        sleep: async () => {},
        examineTrainers: () => [],
      });
      expect(formatExamination(found)).toContain('model');
    });
});
