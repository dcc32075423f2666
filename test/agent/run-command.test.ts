import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';
import { writeBundle } from '../../bundle/write-bundle.ts';
import { projectRoot } from '../project-root.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { tinyBundle } from '../tiny-bundle.ts';

const cli = join(projectRoot, 'dist/cli.js');

function ebb(args: string[]): { child: ChildProcess; text: () => string } {
  const child = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const chunks: Buffer[] = [];
  child.stderr?.on('data', (chunk: Buffer) => chunks.push(chunk));
  return { child, text: () => Buffer.concat(chunks).toString() };
}

async function bundleAndCache() {
  const dir = await temporaryFolder();
  await writeBundle(join(dir, 'bundle'), tinyBundle());
  return { bundle: join(dir, 'bundle'), cache: join(dir, 'cache') };
}

it('"ebb run" says where it listens, answers, and ends in order at SIGTERM', async () => {
  const { bundle, cache } = await bundleAndCache();
  const profile = join(projectRoot, 'test/fixtures/quick.yaml');
  const { child } = ebb([
    'run',
    bundle,
    '--profile',
    profile,
    '--cache',
    cache,
    '--http',
    '127.0.0.1:0',
    '--json',
  ]);
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
  child.kill('SIGTERM');
  const [status] = await once(child, 'exit');
  expect(status).toBe(143);
});

it('"ebb run" ends with status 2 for wrong use and 1 for failure', async () => {
  const { bundle } = await bundleAndCache();
  const cases: [string[], number, RegExp][] = [
    [['run', bundle, '--profile', 'x68'], 2, /did you mean "x86"/],
    [['run', bundle, '--profile', 'x86', '--http', 'nowhere'], 2, /HOST:PORT/],
    [['run', bundle, '--profile', 'x86', '--http', '0.0.0.0:0'], 1, /needs a token/],
  ];
  for (const [args, status, message] of cases) {
    const { child, text } = ebb(args);
    const [code] = await once(child, 'exit');
    expect([code, text()]).toEqual([status, expect.stringMatching(message)]);
  }
});
