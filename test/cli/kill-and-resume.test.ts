import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createRandom } from '../../trainer/random.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { describeBackends } from '../trainer/backends.ts';
import { toySpec } from '../trainer/toy-spec.ts';
import { spawnEbb } from './ebb.ts';

/** On TensorFlow's library each start takes longer, and what is saved is the same code. */
const killsOn = { wasm: 10, node: 5 };

const delay = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Resolves once the file is another one than now, or the process has ended. */
async function changed(path: string, child: ChildProcess): Promise<void> {
  const seen = () => (existsSync(path) ? statSync(path).ino : undefined);
  const before = seen();
  while (child.exitCode === null && (seen() === before || seen() === undefined)) await delay(10);
}

describeBackends('ebb train', (backend) => {
  const kills = killsOn[backend];
  it(`killed hard at ${kills} random moments and resumed each time, ends in the undisturbed run's bytes`, async () => {
    const dir = await temporaryFolder();
    const data = await toySpec(256);
    const random = createRandom(Date.now() % 2 ** 31);
    const settings = [
      '--levels',
      '0,0.5,0.8',
      '--epochs',
      '24',
      '--batch',
      '64',
      '--drop-fraction',
      '0.2',
      '--width',
      '0.25',
      '--validation',
      '0',
    ];
    const train = ['train', '--data', data, ...settings, '--backend', backend, '--checkpoint-every', '0.05'];
    const start = (args: string[]) => {
      const child = spawnEbb(args);
      onTestFinished(() => void child.kill('SIGKILL'));
      let told = '';
      child.stderr?.on('data', (text) => {
        told += text;
      });
      return { child, ended: once(child, 'exit'), told: () => told };
    };
    const whole = start([...train, '--out', join(dir, 'whole')]);
    expect((await whole.ended)[0], whole.told()).toBe(0);

    const out = join(dir, 'pieces');
    let resumed = 0;
    for (let kill = 0; kill < kills; kill += 1) {
      const isBegun = existsSync(join(out, 'settings.json'));
      const piece = start(
        isBegun
          ? ['train', '--resume', '--checkpoint-every', '0.05', '--out', out]
          : [...train, '--out', out],
      );
      // Every third at any moment of the start, the others once it has saved anew and a little later.
      if (kill % 3 !== 0) await changed(join(out, 'checkpoint.bin'), piece.child);
      await delay(random.below(kill % 3 === 0 ? 1500 : 150));
      piece.child.kill('SIGKILL');
      await piece.ended;
      if (piece.told().includes('going on after')) resumed += 1;
      if (existsSync(join(out, 'run.json'))) break;
    }
    expect(resumed).toBeGreaterThan(0);
    if (!existsSync(join(out, 'run.json'))) {
      const last = start(['train', '--resume', '--out', out]);
      expect((await last.ended)[0], last.told()).toBe(0);
    }
    const files = await readdir(join(dir, 'whole', 'bundle'));
    expect((await readdir(out)).sort()).toEqual((await readdir(join(dir, 'whole'))).sort());
    for (const file of files.filter((name) => name.endsWith('.onnx')))
      expect(await readFile(join(out, 'bundle', file))).toEqual(
        await readFile(join(dir, 'whole', 'bundle', file)),
      );
    expect(await readFile(join(out, 'metrics.jsonl'))).toEqual(
      await readFile(join(dir, 'whole', 'metrics.jsonl')),
    );
  }, 180_000);
});
