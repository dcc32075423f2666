import { generateKeyPairSync } from 'node:crypto';
import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it, onTestFinished } from 'vitest';
import { command as calibrateCommand } from '../../agent/calibrate-command.ts';
import { command as runCommand } from '../../agent/run-command.ts';
import { command as inspectCommand } from '../../bundle/inspect-command.ts';
import { readBundleWithBytes } from '../../bundle/read-bundle.ts';
import { writeBundle } from '../../bundle/write-bundle.ts';
import { createAgent, loadProfile, readBundle } from '../../index.ts';
import { command as demoCommand } from '../../lab/demo/demo-command.ts';
import { command as labCommand } from '../../lab/lab-command.ts';
import { command as bundleCommand } from '../../trainer/bundle-command.ts';
import { command as evalCommand } from '../../trainer/eval-command.ts';
import { calibration } from '../agent/decide/policy-input.ts';
import { ebb } from '../cli/ebb.ts';
import { projectRoot } from '../project-root.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { tinyBundle } from '../tiny-bundle.ts';

async function setUp() {
  const folder = await temporaryFolder();
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const paths = {
    folder,
    key: join(folder, 'key.pem'),
    pub: join(folder, 'key.pub.pem'),
    bundle: join(folder, 'bundle'),
    profile: join(folder, 'device.yaml'),
  };
  await writeFile(paths.key, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  await writeFile(paths.pub, publicKey.export({ type: 'spki', format: 'pem' }));
  await writeFile(
    paths.profile,
    `extends: ${join(projectRoot, 'test/fixtures/quick.yaml')}\nhttp: { port: 0 }\nbundle: { public_key: ${paths.pub} }\n`,
  );
  await writeBundle(paths.bundle, tinyBundle());
  const sign = () => ebb(['bundle', 'sign', paths.bundle, '--key', paths.key]);
  return { ...paths, sign };
}

/** In this process, as starting one for each would take most of the time. */
const commands: Record<string, Command> = {
  run: runCommand(),
  calibrate: calibrateCommand(),
  lab: labCommand(),
  inspect: inspectCommand(),
  eval: evalCommand(),
  bundle: bundleCommand(),
  demo: demoCommand(),
};

/** Every verb that opens a bundle, with the key of a profile or of its own. */
function verbs({ bundle, profile, pub, folder }: Awaited<ReturnType<typeof setUp>>): string[][] {
  const withKey = ['--public-key', pub];
  return [
    ['run', bundle, '--profile', profile, '--cache', join(folder, 'cache')],
    ['calibrate', bundle, '--profile', profile, '--cache', join(folder, 'cache')],
    ['lab', 'bench', 'overhead', bundle, '--profile', profile],
    ['lab', 'bench', 'soak', bundle, '--profile', profile],
    ['inspect', bundle, ...withKey],
    ['eval', bundle, '--data', 'shapes', ...withKey],
    ['bundle', 'between', bundle, '--sparsity', '0.3', '--data', 'shapes', ...withKey],
    ['lab', 'bench', 'engines', bundle, ...withKey],
    ['lab', 'bench', 'swap', bundle, ...withKey],
    ['lab', 'bench', 'loop', bundle, '--out', join(folder, 'loop'), '--stressor', 'spin', ...withKey],
    ['demo', '--bundle', bundle, '--out', join(folder, 'demo'), ...withKey],
  ];
}

describe('a device with a public key', () => {
  it('opens no unsigned bundle, with any verb', async () => {
    const paths = await setUp();
    const outcomes = [];
    for (const [verb, ...argv] of verbs(paths))
      outcomes.push([
        verb,
        argv,
        await commands[verb!]!.parseAsync(argv, { from: 'user' }).catch((error) => error),
      ]);
    for (const outcome of outcomes)
      expect(outcome).toEqual([
        outcome[0],
        outcome[1],
        expect.objectContaining({
          code: 'EBB_BUNDLE_SIGNATURE',
          message: expect.stringMatching(/must be signed: .*ebb bundle sign/),
        }),
      ]);
  }, 30_000);

  it('opens no bundle that was changed after it was signed: not its manifest, and not a model', async () => {
    const paths = await setUp();
    await paths.sign();
    expect(await ebb(['inspect', paths.bundle, '--public-key', paths.pub])).toMatchObject({ status: 0 });
    const calibrate = () =>
      calibrateCommand().parseAsync([paths.bundle, '--profile', paths.profile, '--cache', paths.folder], {
        from: 'user',
      });
    const level = join(paths.bundle, 'level-0.onnx');
    const whole = readFileSync(level);
    const changed = Buffer.from(whole);
    changed[100]! ^= 1;
    await writeFile(level, changed);
    await expect(calibrate()).rejects.toThrow(/level-0.onnx must have the manifest's sha256/);
    await writeFile(level, whole);
    appendFileSync(join(paths.bundle, 'manifest.json'), '\n');
    await expect(calibrate()).rejects.toThrow(/of another manifest/);
  }, 60_000);

  it('takes the key of verbs without a profile from EBB_PUBLIC_KEY, too', async () => {
    const { bundle, pub } = await setUp();
    const { status } = await ebb(['inspect', bundle], { env: { ...process.env, EBB_PUBLIC_KEY: pub } });
    expect(status).toBe(1);
  });
});

describe('an agent whose profile names a public key', () => {
  it('serves no bundle that was read without it, from the start and at a replacement', async () => {
    const { bundle: dir, profile: path, pub, sign } = await setUp();
    const profile = await loadProfile(path);
    await sign();
    const open = async (publicKey?: string) => {
      const bundle = await readBundle(dir, { publicKey });
      const agent = createAgent({
        bundle,
        profile,
        http: false,
        calibration,
        reloadBundle: () => readBundle(dir, { publicKey: profile.bundle.publicKey }),
      });
      onTestFinished(() => agent.stop());
      return agent;
    };
    await expect((await open()).start()).rejects.toMatchObject({ code: 'EBB_BUNDLE_SIGNATURE' });
    const agent = await open(pub);
    await agent.start();
    await expect(agent.replaceBundle(await readBundle(dir))).rejects.toMatchObject({
      code: 'EBB_BUNDLE_SIGNATURE',
    });
    expect(await agent.reloadBundle()).toBe('the bundle has not changed');
    appendFileSync(join(dir, 'manifest.json'), '\n');
    await expect(agent.reloadBundle()).rejects.toMatchObject({ code: 'EBB_BUNDLE_SIGNATURE' });
    expect((await agent.infer(new Float32Array(64))).output).toHaveLength(3);
  });
});

it('what is read and what is signed are the bytes that were verified, whatever becomes of the file', async () => {
  const { bundle } = await setUp();
  const path = join(bundle, 'manifest.json');
  const before = readFileSync(path);
  const { manifestBytes } = await readBundleWithBytes(bundle);
  await writeFile(path, '{}');
  expect(Buffer.from(manifestBytes)).toEqual(before);
});

it('every place that opens a bundle says which key it enforces', () => {
  const rooms = ['agent', 'lab', 'trainer', 'bundle', 'fleet', 'engine'];
  const without = rooms.flatMap((room) =>
    readdirSync(join(projectRoot, room), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .flatMap((path) =>
        readFileSync(join(projectRoot, room, path), 'utf8')
          .split('\n')
          .filter((line) => /await readBundle\(/.test(line) && !/^ *\*/.test(line))
          .filter((line) => !line.includes('publicKey') && !line.includes('readBundle()'))
          .map((line) => `${room}/${path}: ${line.trim()}`),
      ),
  );
  expect(without).toEqual([]);
});
