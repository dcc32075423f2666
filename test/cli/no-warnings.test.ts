import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { writeBundle } from '../../bundle/write-bundle.ts';
import { projectRoot } from '../project-root.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { tinyBundle } from '../tiny-bundle.ts';
import { toySpec } from '../trainer/toy-spec.ts';
import { printed } from './ebb.ts';

const warning = /\(node:\d+\)|DeprecationWarning|ExperimentalWarning|DEP0\d\d\d/;

/** Starts a verb so that any deprecated call ends it, in its threads and child processes too. */
function start(args: string[]) {
  const env = { ...process.env, NODE_OPTIONS: '--throw-deprecation' };
  const child = spawn(process.execPath, [join(projectRoot, 'dist', 'cli.js'), ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout.on('data', (chunk) => (text += chunk));
  child.stderr.on('data', (chunk) => (text += chunk));
  return { child, ended: once(child, 'close'), text: () => text };
}

describe(`no warning of Node ${process.version} reaches a user of`, () => {
  it('doctor, inspect, calibrate, and a training with its report', async () => {
    const dir = await temporaryFolder();
    const bundle = join(dir, 'bundle');
    await writeBundle(bundle, tinyBundle());
    const train = `train --levels 0,0.5 --epochs 4 --width 0.25 --validation 0 --backend wasm --out ${dir}/run`;
    for (const args of [
      ['doctor'],
      ['inspect', bundle],
      ['calibrate', bundle, '--profile', 'x86', '--cache', dir],
      [...train.split(' '), '--data', await toySpec(64)],
    ]) {
      const { ended, text } = start(args);
      expect((await ended)[0], text()).toBe(0);
      expect(text()).not.toMatch(warning);
    }
  }, 90_000);

  it('run with a broker, and fleet that is the broker', async () => {
    const dir = await temporaryFolder();
    const bundle = join(dir, 'bundle');
    await writeBundle(bundle, tinyBundle());
    const fleet = start(['fleet', '--embedded-broker', '127.0.0.1:0', '--http', '127.0.0.1:0', '--json']);
    const broker = /mqtt:\/\/[\d.:]+/.exec(await printed(fleet.child, /mqtt:\/\/.*\n/))?.[0] ?? '';
    const run = `run ${bundle} --profile x86 --http 127.0.0.1:0 --broker ${broker} --cache ${dir} --json`;
    const agent = start(run.split(' '));
    const listening = await printed(agent.child, /"event":"listening".*\n/);
    const url = /"http":"([^"]+)"/.exec(listening)?.[1];
    expect((await fetch(`${url}/v2/health/ready`)).status).toBe(200);
    for (const { child, ended, text } of [agent, fleet]) {
      child.kill('SIGTERM');
      await ended;
      expect(text()).not.toMatch(warning);
    }
  }, 60_000);
});
