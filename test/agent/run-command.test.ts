import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import sharp from 'sharp';
import { expect, it, onTestFinished } from 'vitest';
import { profileKeys } from '../../agent/profile/profile-keys.ts';
import { writeBundle } from '../../bundle/write-bundle.ts';
import { ebb, endsWithin2s, printed, spawnEbb } from '../cli/ebb.ts';
import { projectRoot } from '../project-root.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { tinyBundle } from '../tiny-bundle.ts';

async function bundleAndCache() {
  const dir = await temporaryFolder();
  await writeBundle(join(dir, 'bundle'), tinyBundle());
  return { bundle: join(dir, 'bundle'), cache: join(dir, 'cache') };
}

function serve(bundle: string, cache: string) {
  const profile = join(projectRoot, 'test/fixtures/quick.yaml');
  const where = ['--profile', profile, '--cache', cache, '--http', '127.0.0.1:0'];
  const child = spawnEbb(['run', bundle, ...where, '--json']);
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

it('"ebb run" says where it listens, answers, and ends in order at SIGTERM', async () => {
  const { bundle, cache } = await bundleAndCache();
  const child = serve(bundle, cache);
  const lines = createInterface({ input: child.stdout! });
  const [line] = (await once(lines, 'line')) as [string];
  const event = JSON.parse(line) as { event: string; http: string };
  expect(event).toMatchObject({ event: 'listening', model: 'tiny', level: expect.any(Number) });
  const tensor = { name: 'image', shape: [1, 1, 8, 8], datatype: 'FP32', data: new Array(64).fill(0.1) };
  const response = await fetch(`${event.http}/v2/models/tiny/versions/1/infer`, {
    method: 'POST',
    body: JSON.stringify({ inputs: [tensor] }),
  });
  const answer = (await response.json()) as { model_version: string; outputs: { data: number[] }[] };
  expect(answer.model_version).toBe('1');
  expect(answer.outputs[0]!.data.every(Number.isFinite)).toBe(true);
  expect(await endsWithin2s(child, 'SIGTERM')).toBe(143);
});

it('"ebb run" reads its profile again at SIGHUP, and serves on', async () => {
  const { bundle, cache } = await bundleAndCache();
  const profile = join(bundle, '..', 'mine.yaml');
  const base = `extends: ${join(projectRoot, 'test/fixtures/quick.yaml')}\nhttp: { port: 0 }\n`;
  await writeFile(profile, base);
  const child = spawnEbb(['run', bundle, '--profile', profile, '--cache', cache, '--json']);
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const nextEvent = async () => JSON.parse((await lines.next()).value as string);
  const { http } = await nextEvent();
  await writeFile(profile, `${base}deadline_ms: 700\nengine: { threads: 2 }\n`);
  child.kill('SIGHUP');
  expect(await nextEvent()).toEqual({
    event: 'reload',
    at_once: ['deadline_ms 1000 -> 700'],
    after_restart: ['engine.threads 1 -> 2'],
  });
  await writeFile(profile, `${base}gaol: 1\n`);
  const refused = printed(child, /stays as it was: .*unknown key .*gaol.*did you mean .*goal/);
  child.kill('SIGHUP');
  await refused;
  expect((await fetch(`${http}/v2/health/ready`)).status).toBe(200);
  expect(await endsWithin2s(child, 'SIGTERM')).toBe(143);
});

it('"ebb run" lets another bundle take over at SIGHUP, and keeps the old one where the other is broken', async () => {
  const { bundle, cache } = await bundleAndCache();
  const child = serve(bundle, cache);
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const { http } = JSON.parse((await lines.next()).value as string);
  const replaced = printed(child, /another bundle answers/);
  await rm(bundle, { recursive: true });
  await writeBundle(bundle, tinyBundle([12, 6]));
  child.kill('SIGHUP');
  await replaced;
  const versions = async () =>
    ((await (await fetch(`${http}/v2/models/tiny`)).json()) as { versions: string[] }).versions;
  expect(await versions()).toEqual(['0', '1']);
  const kept = printed(child, /the bundle stays as it was: .*must hold \d+ bytes/);
  await writeFile(join(bundle, 'level-1.onnx'), 'broken');
  child.kill('SIGHUP');
  await kept;
  expect(await versions()).toEqual(['0', '1']);
  expect(await endsWithin2s(child, 'SIGTERM')).toBe(143);
});

it('"ebb run --stdin" classifies the images that it is named, and ends with status 1 where one failed', async () => {
  const { bundle, cache } = await bundleAndCache();
  const dir = join(bundle, '..');
  const image = sharp({ create: { width: 8, height: 8, channels: 3, background: { r: 9, g: 9, b: 9 } } });
  await writeFile(join(dir, 'grey.png'), await image.png().toBuffer());
  const profile = join(projectRoot, 'test/fixtures/quick.yaml');
  const child = spawnEbb(['run', bundle, '--profile', profile, '--cache', cache, '--stdin', '--json'], {
    stdin: 'pipe',
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const told: object[] = [];
  createInterface({ input: child.stdout! }).on('line', (line) => told.push(JSON.parse(line)));
  child.stdin!.end(`${join(dir, 'grey.png')}\n${join(dir, 'none.png')}\n`);
  const [status] = await once(child, 'close');
  expect(told).toEqual([
    {
      event: 'classified',
      file: join(dir, 'grey.png'),
      label: expect.stringMatching(/^[abc]$/),
      confidence: expect.any(Number),
      level: expect.any(Number),
      latency_ms: expect.any(Number),
    },
    { event: 'classified', file: join(dir, 'none.png'), error: expect.stringMatching(/none\.png/) },
  ]);
  expect(status).toBe(1);
});

it('"ebb run" explains profiles and prints their schema without a bundle', async () => {
  const explained = await ebb(['run', '--explain-profile', 'container', '--deadline-ms', '9', '--json']);
  const { files, keys } = JSON.parse(explained.stdout) as { files: string[]; keys: { key: string }[] };
  expect(files).toEqual(['profiles/container.yaml', 'profiles/x86.yaml']);
  expect(keys.map(({ key }) => key)).toEqual(profileKeys.map(({ path }) => path));
  expect(keys).toContainEqual(
    expect.objectContaining({ key: 'deadline_ms', value: 9, from: '--deadline-ms' }),
  );
  const schema = await ebb(['run', '--profile-schema']);
  expect(JSON.parse(schema.stdout).properties.http.properties.port).toMatchObject({ maximum: 65535 });
  const text = await ebb(['run', '--profile', 'x86', '--explain-profile']);
  expect(text.stdout).toMatch(/^policy = deadline {3}\(default\)$/m);
});

it('"ebb run" ends with status 2 for wrong use and 1 for failure', async () => {
  const { bundle } = await bundleAndCache();
  const cases: [string[], number, RegExp][] = [
    [['run'], 2, /a bundle and --profile must be given/],
    [['run', bundle], 2, /a bundle and --profile must be given/],
    [['run', '--explain-profile', 'x68'], 2, /did you mean "x86"/],
    [['run', bundle, '--profile', 'x68'], 2, /did you mean "x86"/],
    [['run', bundle, '--profile', 'x86', '--http', 'nowhere'], 2, /HOST:PORT/],
    [['run', bundle, '--profile', 'x86', '--http', '0.0.0.0:0'], 2, /must have a token/],
    [['run', bundle, '--profile', 'x86', '--deadline-ms', '1e9'], 2, /at most 3600000/],
    [['run', join(bundle, 'none'), '--profile', 'x86'], 1, /manifest\.json/],
  ];
  for (const [args, status, message] of cases) {
    const ended = await ebb(args);
    expect([ended.status, ended.stderr]).toEqual([status, expect.stringMatching(message)]);
  }
});
