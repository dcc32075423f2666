import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { writeBundle } from '../../bundle/write-bundle.ts';
import { main, verbs } from '../../command-line.ts';
import { speakPlainly } from '../../terminal/plain-issues.ts';
import { tinyBundle } from '../tiny-bundle.ts';
import { endsWithin2s, printed, spawnEbb } from './ebb.ts';

/** Every command that can be called, as its words: found by the commands themselves, so that a new one has to be entered below. */
async function leaves(): Promise<string[]> {
  const walk = (command: Command, path: string): string[] =>
    command.commands.length === 0
      ? [path]
      : command.commands.flatMap((child) => walk(child, `${path} ${child.name()}`));
  const loaded = await Promise.all(
    Object.entries(verbs).map(async ([name, { load }]) => walk((await load()).command(), name)),
  );
  return loaded.flat();
}

type Case = {
  /** Words behind the verb, with {bundle}, {run}, {dir} and {file} (a regular file) put in. */
  args: string;
  /** What standard error says. */
  says: RegExp;
};

type Row = {
  /** Each ends with status 2, before any work. */
  misuse?: Case[];
  /** Each ends with status 1: the machine or a file is not as it must be. */
  missing?: Case[];
};

const noBundle =
  /Cannot open bundle ".*nowhere" as it must hold manifest.json: there is none; the folder is not there/;

const rows: Record<string, Row> = {
  train: {
    misuse: [
      { args: '--lvels 3', says: /Cannot take --lvels as there is no such option: did you mean --levels\?/ },
      {
        args: '--data shapes --levels 0,0.8 --epochs -3 --out {dir}/t',
        says: /Cannot use --epochs as it must be a number above 0: current value is "-3"/,
      },
      {
        args: '--data shapes --levels 0,0.8 --epochs x --out {dir}/t',
        says: /--epochs as it must be a number: current value is "x"/,
      },
      {
        args: '--data shapes --levels 0,0.8 --epochs 1 --batch 1.5 --out {dir}/t',
        says: /--batch as it must be a whole number: current value is "1.5"/,
      },
      {
        args: '--data shapes --levels 0.8,0 --epochs 1 --out {dir}/t',
        says: /--levels as it must be ascending/,
      },
      {
        args: '--data shapes --levels 0 --net big --out {dir}/t',
        says: /Cannot use --net as it must be one of resnet8, .*: current value is "big"/,
      },
      { args: '--data shapes --out {dir}/t', says: /--levels must be given/ },
      {
        args: '--data shapes --levels 0 --epochs 1',
        says: /Cannot begin as --out must be given: see "ebb train --help"/,
      },
      { args: '--out', says: /Cannot take --out as it must have a value/ },
      { args: '--data shapes --levels 0 --epochs 1 --out {run}', says: /must not hold a run already/ },
      { args: '--data wrong:x --levels 0 --epochs 1 --out {dir}/t', says: /Cannot open data "wrong:x"/ },
    ],
    missing: [
      {
        args: '--data shapes --levels 0 --epochs 1 --out {file}/t',
        says: /Cannot train into ".*" as it must be a folder that can be written/,
      },
      {
        args: '--data idx:{dir}/nowhere --levels 0 --epochs 1 --out {dir}/t',
        says: /Cannot open data|Cannot read/,
      },
      { args: '--data cifar10:{dir} --levels 0 --epochs 1 --out {dir}/t', says: /^.{1,400}$/s },
    ],
  },
  inspect: {
    misuse: [{ args: '', says: /<bundle> must be given/ }],
    missing: [{ args: '{dir}/nowhere', says: noBundle }],
  },
  eval: {
    misuse: [
      { args: '{bundle}', says: /--data must be given/ },
      {
        args: '{bundle} --data shapes --level 7',
        says: /Cannot evaluate level "7" as the bundle has levels 0 to 2/,
      },
      {
        args: '{bundle} --data shapes --engine gpu',
        says: /--engine as it must be one of ort, sparse: current value is "gpu"/,
      },
    ],
    missing: [{ args: '{dir}/nowhere --data shapes', says: noBundle }],
  },
  'bundle between': {
    misuse: [
      {
        args: '{bundle} --data shapes --sparsity 1.5',
        says: /--sparsity as it must be a number between 0 and 1: current value is "1.5"/,
      },
      {
        args: '{bundle} --data shapes --sparsity 0.5 --out {file}/x',
        says: /--out must be a folder|cannot be written/,
      },
      {
        args: '{bundle} --data shapes --sparsity 0.5 --out {run}',
        says: /must be an absent or empty folder: it holds "bundle"/,
      },
    ],
    missing: [{ args: '{dir}/nowhere --data shapes --sparsity 0.5', says: noBundle }],
  },
  'bundle sign': {
    misuse: [{ args: '{bundle}', says: /--key must be given/ }],
    missing: [{ args: '{bundle} --key {dir}/nowhere.pem', says: /nowhere\.pem/ }],
  },
  setup: {
    misuse: [
      { args: '--from wheel', says: /Cannot use --from as --native must be given too: add --native/ },
      { args: '--remove', says: /Cannot use --remove as --native must be given too/ },
      { args: '--native --from source', says: /Cannot use --from as it must be download or wheel: .*source/ },
      {
        args: '--native --minutes 0',
        says: /Cannot use --minutes as it must be above 0 .*: current value is 0/,
      },
    ],
  },
  doctor: {
    misuse: [
      { args: '--root {dir}/nowhere', says: /--root must be a folder/ },
      { args: 'word', says: /too many/ },
    ],
  },
  calibrate: {
    misuse: [
      {
        args: '{bundle} --profile x86 --batch 0',
        says: /--batch as it must be a whole number of at least 1/,
      },
    ],
    missing: [
      { args: '{dir}/nowhere --profile x86', says: noBundle },
      { args: '{bundle} --profile {dir}/nowhere.yaml', says: /nowhere\.yaml/ },
    ],
  },
  run: {
    misuse: [
      { args: '', says: /Cannot run as a bundle and --profile must be given/ },
      {
        args: '{bundle} --profile x86 --watch {dir}/nowhere',
        says: /Cannot use --watch as it must be a folder: ".*nowhere" is not there; make it first/,
      },
      { args: '{bundle} --profile x86 --watch {file}', says: /--watch as it must be a folder: ".*" is none/ },
      { args: '{bundle} --profile x86 --policy fixed --level 7', says: /level 7|levels 0 to 2|0 to 2/ },
      {
        args: '{bundle} --profile x86 --deadline-ms -1',
        says: /--deadline-ms as it must be a number above 0/,
      },
      { args: '{bundle} --profile x86 --http 0.0.0.0:1', says: /token/ },
      { args: '{bundle} --profile nobody', says: /nobody/ },
      { args: '{bundle} --profile x86 --log xml', says: /--log as it must be one of text, json/ },
    ],
    missing: [
      { args: '{dir}/nowhere --profile x86', says: noBundle },
      { args: '{bundle} --profile x86 --token-file {dir}/nowhere', says: /nowhere/ },
    ],
  },
  fleet: {
    misuse: [
      { args: '--http nonsense:port', says: /nonsense:port/ },
      { args: '--broker ftp://x', says: /ftp/ },
      { args: '--embedded-broker 0.0.0.0:0', says: /token/ },
    ],
    missing: [{ args: '--password-file {dir}/nowhere --username x', says: /nowhere/ }],
  },
  'lab bench swap': { missing: [{ args: '{dir}/nowhere', says: noBundle }] },
  'lab bench overhead': { missing: [{ args: '{dir}/nowhere', says: noBundle }] },
  'lab bench soak': { missing: [{ args: '{dir}/nowhere', says: noBundle }] },
  'lab bench cost': { misuse: [{ args: '', says: /--data must be given/ }] },
  'lab bench loop': {
    misuse: [
      { args: '{bundle} --out {run}', says: /must be an absent or empty folder/ },
      { args: '{bundle} --out {file}/x', says: /cannot be written|must be a folder/ },
      { args: '{bundle} --stressor fire', says: /--stressor as it must be one of cpu, stream, quota, spin/ },
    ],
  },
  'lab bench sensors': { misuse: [{ args: 'word', says: /too many/ }] },
  'lab bench throughput': {},
  'lab bench ast': { misuse: [{ args: '', says: /--data must be given/ }] },
  'lab bench sparse': {},
  'lab bench engines': { missing: [{ args: '{dir}/nowhere', says: noBundle }] },
  'lab simulate': {
    misuse: [
      { args: '', says: /there must be either --compare or --trace/ },
      { args: '--trace steps-1 --out {file}/x.html', says: /the folder of --out must be there/ },
      { args: '--trace steps-1 --out {dir}', says: /--out must name a file: it is a folder/ },
      { args: '--trace {dir}/nowhere.json', says: /nowhere\.json/ },
      { args: '--compare --traces 0', says: /--traces as it must be a whole number of at least 1/ },
    ],
  },
  'lab record': {
    misuse: [
      { args: '', says: /--out must be given/ },
      { args: '--out {file}/trace.json', says: /the folder of --out must be there/ },
      { args: '--out {dir}', says: /--out must name a file/ },
    ],
  },
  demo: {
    misuse: [
      { args: '--out {run}', says: /must be an absent or empty folder: it holds "bundle"/ },
      { args: '--out {file}/x', says: /cannot be written|must be a folder/ },
      { args: '--batch 0', says: /--batch as it must be a whole number of at least 1/ },
    ],
  },
};

const places: Record<string, string> = {};

beforeAll(async () => {
  // As the command line does.
  speakPlainly();
  const dir = await mkdtemp(join(tmpdir(), 'ebb-verbs-'));
  const run = await mkdtemp(join(tmpdir(), 'ebb-verbs-'));
  Object.assign(places, { dir, run, bundle: join(run, 'bundle'), file: join(run, 'file') });
  await writeBundle(places.bundle as string, tinyBundle());
  await writeFile(places.file as string, '');
});

afterAll(async () => {
  z.config({ customError: undefined });
  for (const dir of [places.dir, places.run]) await rm(dir as string, { recursive: true });
});

/** Runs a command line inside this process. */
async function call(line: string): Promise<{ status: number; stderr: string; stdout: string }> {
  const told = { stderr: '', stdout: '' };
  const spies = (['stderr', 'stdout'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      told[name] += String(text);
      return true;
    }),
  );
  try {
    const words = line.split(' ').filter((word) => word !== '');
    const status = await main(
      words.map((word) => word.replace(/\{(\w+)\}/g, (_, name) => places[name] ?? '')),
    );
    return { status, ...told };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

/** Nothing of a library's, a stack or a dumped value reaches a user. */
const foreign = /\n\s+at |ZodError|\[object|Invalid input|Too (?:small|big)|\[\n/;

describe('every verb', () => {
  it('stands in the table below', async () => {
    expect(Object.keys(rows).sort()).toEqual((await leaves()).sort());
  });

  it.each(Object.keys(rows))('"ebb %s" refuses an option that there is not, with status 2', async (verb) => {
    const { status, stderr, stdout } = await call(`${verb} --nonsense 1`);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      new RegExp(
        `^ebb ${verb}: Cannot take --nonsense as there is no such option: .*see "ebb ${verb} --help"\n$`,
      ),
    );
  });

  const cases = Object.entries(rows).flatMap(([verb, { misuse = [], missing = [] }]) => [
    ...misuse.map((one) => ({ verb, status: 2, ...one })),
    ...missing.map((one) => ({ verb, status: 1, ...one })),
  ]);

  it.each(cases)(
    '"ebb $verb $args" says what is wrong, with status $status',
    async ({ verb, args, says, ...right }) => {
      const before = await Promise.all([places.dir, places.run].map((dir) => readdir(dir as string)));
      const { status, stderr } = await call(`${verb} ${args}`);
      expect(stderr).toMatch(says);
      expect(stderr).not.toMatch(foreign);
      expect(stderr.startsWith(`ebb ${verb}: `)).toBe(true);
      expect(status).toBe(right.status);
      expect(await Promise.all([places.dir, places.run].map((dir) => readdir(dir as string)))).toEqual(
        before,
      );
    },
  );

  it('a verb that there is not is refused, with the one that was meant', async () => {
    const { status, stderr } = await call('trian --out x');
    expect([status, stderr]).toEqual([
      2,
      'ebb: Cannot find "trian" as there is no such command: did you mean train? Else see "ebb --help"\n',
    ]);
  });

  it.each(Object.keys(rows))('"ebb %s --help" shows how it is called', async (verb) => {
    const { status, stdout, stderr } = await call(`${verb} --help`);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`Usage: ebb ${verb}`);
  });

  it('"ebb help", --help and --version end with status 0; no verb at all shows the help, with status 2', async () => {
    for (const line of ['help', 'help run', '--help', '--version']) expect((await call(line)).status).toBe(0);
    expect(await call('')).toMatchObject({ status: 2, stderr: expect.stringContaining('Usage: ebb') });
  });
});

describe('Ctrl-C', () => {
  /** A verb in the middle of its work: when it has printed something, or 3 s after its start. */
  const busy: Record<string, { args: string; sees?: RegExp; stdin?: 'pipe' }> = {
    train: { args: '--data shapes --levels 0,0.8 --epochs 50 --out {dir}/trained' },
    run: { args: '{bundle} --profile x86 --http 127.0.0.1:0 --cache {dir}/cache', sees: /serving/ },
    'run --watch': { args: '{dir} {bundle} --profile x86 --cache {dir}/cache', sees: /watching/ },
    fleet: { args: '--embedded-broker 127.0.0.1:0 --http 127.0.0.1:0', sees: /http/ },
    calibrate: { args: '{bundle} --profile x86 --force --cache {dir}/cache' },
    'lab simulate --compare': { args: '' },
    'lab record': { args: '--out {dir}/trace.json' },
    'lab bench sparse': { args: '' },
    demo: { args: '--out {dir}/demo' },
  };

  it.concurrent.each(Object.entries(busy))(
    'ends "ebb %s" within 2 s, with status 130',
    async (verb, { args, sees }) => {
      const words = `${verb} ${args}`.split(' ').filter((word) => word !== '');
      const child = spawnEbb(
        words.map((word) => word.replace(/\{(\w+)\}/g, (_, name) => places[name] ?? '')),
      );
      if (sees) await printed(child, sees);
      else await new Promise((resolve) => setTimeout(resolve, 3000));
      expect(await endsWithin2s(child, 'SIGINT')).toBe(130);
      expect((await readdir(places.dir as string)).filter((name) => /tmp|trace/.test(name))).toEqual([]);
    },
  );
});
