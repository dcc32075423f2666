import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Examination, examine } from '../../../agent/doctor/examine.ts';
import { describeOnnxruntime, describeSparse } from '../../../agent/doctor/examine-engines.ts';
import { formatExamination } from '../../../agent/doctor/format-examination.ts';
import { nativeCure } from '../../../engine/sparse/runtime/find-runtime.ts';
import { snakeJson } from '../../../terminal/snake-json.ts';
import { projectRoot } from '../../project-root.ts';
import { boardNames, readBoard, writeBoard, writeLater } from '../sense/write-board.ts';
import { writeTree } from '../sense/write-tree.ts';

/** What a tree cannot tell is as that machine would have it; versions and times are fixed. */
async function examineBoard(name: string): Promise<Examination> {
  const { node, kernels, providers } = readBoard(name);
  const root = await writeBoard(name);
  let clockMs = 0;
  return examine({
    root,
    nowMs: () => 1_762_941_785_000,
    monotonicMs: () => clockMs,
    sleep: async (ms) => {
      clockMs += ms;
      await writeLater(name, root);
    },
    here: {
      ebb: '0.1.0',
      node,
      platform: 'linux',
      own: { cpuMs: () => 0, rssBytes: () => 80 * 2 ** 20 },
      engines: async (gpus) => [
        describeSparse(
          kernels,
          kernels.length > 0 ? undefined : `the native kernels are not built: ${nativeCure}`,
        ),
        describeOnnxruntime(
          '1.30.0',
          Object.entries(providers).map(([provider, bundled]) => ({ name: provider, bundled })),
          gpus,
        ),
      ],
    },
    examineTrainers: () => [
      {
        name: '@tensorflow/tfjs-backend-wasm',
        ok: true,
        text: '4.22.0, training can use it (--backend wasm)',
      },
    ],
  });
}

/** After a change that is meant: `npx vitest run dist/test/agent/doctor -u` writes the files anew; read their difference. */
describe('ebb doctor prints, byte for byte as in test/fixtures/boards/*.doctor.txt,', () => {
  for (const name of boardNames)
    it(`what a ${name} is, what it senses and what it lacks`, async () => {
      const text = `${formatExamination(await examineBoard(name))}\n`;
      for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
      await expect(text).toMatchFileSnapshot(join(projectRoot, 'test/fixtures/boards', `${name}.doctor.txt`));
    });
});

describe('ebb doctor --json', () => {
  it('holds all that the text says', async () => {
    const json = JSON.parse(snakeJson(await examineBoard('jetson-orin-nano'))) as Record<string, unknown>;
    expect(json).toMatchObject({
      threads: 6,
      identity: { cores: 6, arch: 'arm64', memory_bytes: 7_802_880 * 1024 },
      platform: { soc: 'Orin (tegra234)', l4t: '36.4.3', jetpack: '6.2', max_hz: 1_728_000_000 },
    });
    for (const part of ['sensors', 'engines', 'throttling', 'trainers']) expect(json[part]).not.toEqual([]);
  });
});

describe('ebb doctor --root', () => {
  /** As the command runs it: nothing is handed in. */
  const look = async (files: Record<string, string>) => {
    const root = await writeTree(files);
    let clockMs = 0;
    const sleep = async (ms: number) => {
      clockMs += ms;
    };
    return examine({
      root,
      examineTrainers: async () => [],
      sleep,
      nowMs: () => 0,
      monotonicMs: () => clockMs,
    });
  };

  it('tells nothing of this machine as the recorded one’s, if the tree is empty', async () => {
    const found = await look({});
    expect(found).toMatchObject({ identity: {}, isRecorded: true, platform: {}, threads: undefined });
    expect(found.sensors.flatMap(({ readings }) => readings)).toEqual([]);
    const text = formatExamination(found);
    expect(text).toMatch(/^model +unknown$/m);
    expect(text).toMatch(/^cpu +unknown$/m);
    expect(text).toMatch(/^memory +unknown$/m);
    expect(text).toMatch(/^system +unknown$/m);
    expect(text).toMatch(/^cores +ok +the kernel does not say how many CPUs there are$/m);
    expect(text).toMatch(/^container +unknown$/m);
    expect(text).toMatch(/^quota +ok +unknown: the tree has no \/proc\/self\/cgroup$/m);
    expect(text).toMatch(/^governor +ok +unknown: /m);
    expect(text).toMatch(/^frequency +ok +unknown: /m);
    expect(text).toMatch(/^ebb .*of this machine/m);
    expect(JSON.parse(snakeJson(found)).identity).toEqual({});
  });

  it('reads from the tree whatever the tree has', async () => {
    const found = await look({
      'proc/meminfo': 'MemTotal: 1024 kB\nMemAvailable: 512 kB\n',
      'proc/sys/kernel/osrelease': '5.10.1-board\n',
      'proc/cpuinfo': 'processor\t: 0\nmodel name\t: Some CPU\n',
      'proc/stat': 'cpu  10 0 0 90 0 0 0 0\n',
      'proc/self/cgroup': '0::/\n',
    });
    expect(found.platform).toEqual({ container: 'none' });
    expect(formatExamination(found)).toMatch(/^quota +ok +no control group limits the CPU time$/m);
    expect(found.identity).toMatchObject({ os: 'Linux 5.10.1-board', memoryBytes: 1024 * 1024, cores: 1 });
    const readings = found.sensors.flatMap((report) => report.readings);
    expect(readings.map(({ name, value }) => [name, value])).toEqual([
      ['memory_available', 512 * 1024],
      ['memory_total', 1024 * 1024],
    ]);
  });
});
