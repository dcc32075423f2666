import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { openAgent } from '../../../agent/agent.ts';
import { parseProfile } from '../../../agent/profile/load-profile.ts';
import type { Manifest } from '../../../bundle/manifest.ts';
import type { RunResult } from '../../../engine/engine.ts';
import { projectRoot } from '../../project-root.ts';
import { calibration } from '../decide/policy-input.ts';
import { fakeEngine, tinyManifest } from '../fake-engine.ts';

/** A command of the docs, and what stands below it as its answer; `...` there stands for anything. */
type Example = { command: string; answer: string };

/** The indented lines of docs/agent.md that begin with curl, or set a variable for it, with those that follow. */
function examplesOf(text: string): { setUp: string[]; examples: Example[] } {
  const setUp: string[] = [];
  const examples: Example[] = [];
  for (const block of text.split(/\n(?! {4})/)) {
    let command = '';
    for (const line of block.split('\n').flatMap((one) => (one.startsWith('    ') ? [one.slice(4)] : []))) {
      if (/^[a-z]+=\$\(/.test(line)) setUp.push(line);
      else if (/\bcurl -/.test(line)) {
        command = line;
        examples.push({ command, answer: '' });
      } else if (command !== '') {
        const example = examples.at(-1)!;
        // The command goes on while a quote is open.
        if (example.answer === '' && (example.command.match(/'/g) ?? []).length % 2 === 1)
          example.command += `\n${line}`;
        else example.answer += line;
      }
    }
  }
  return { setUp, examples };
}

const literally = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const pattern = (answer: string) => new RegExp(`^${answer.split('...').map(literally).join('.*')}$`, 's');

/** The docs' bundle: `shapes`, as `ebb train --data shapes --levels 0.5,0.9` makes it. */
const manifest: Manifest = {
  ...tinyManifest,
  name: 'shapes-resnet8',
  labels: 'disc crescent half-disc triangle square pentagon star cross arrow hourglass'.split(' '),
  input: {
    ...tinyManifest.input,
    shape: ['batch', 1, 28, 28],
    preprocessing: { scale: 1 / 255, mean: [0.3509429214668323], std: [0.216377604472943] },
  },
  output: { ...tinyManifest.output, shape: ['batch', 10] },
  levels: [
    { ...tinyManifest.levels[0]!, sparsity: 0.5 },
    { ...tinyManifest.levels[1]!, sparsity: 0.9 },
  ],
};

/** Logits by which class 3 comes first and class 4 second. */
const logits = Float32Array.from([0.2, 0.4, -0.3, 1.6, 0.8, -0.4, 0.6, -2.8, -0.5, 0.3]);

const hasTools = ['bash', 'curl'].every((name) => spawnSync(name, ['--version']).status === 0);

it.skipIf(!hasTools)(
  'every curl line of docs/agent.md gets the answer that stands below it (skipped without bash or curl)',
  async () => {
    const { setUp, examples } = examplesOf(readFileSync(join(projectRoot, 'docs/agent.md'), 'utf8'));
    expect(examples.length).toBeGreaterThanOrEqual(6);
    const engine = fakeEngine({ manifest });
    const run = async (input: Float32Array): Promise<RunResult> => {
      expect(input).toHaveLength(784);
      return { output: logits, level: engine.level, engine: 'ort', waitMs: 0, inferMs: 1 };
    };
    const agent = openAgent({
      bundle: { dir: '', manifest, models: [] },
      reloadBundle: async () => ({ dir: '', manifest, models: [] }),
      profile: parseProfile('deadline_ms: 60000\nhttp: { port: 0 }', { name: 'test' }),
      log: pino({ level: 'silent' }),
      root: '/nonexistent',
      calibration: { ...calibration, levels: calibration.levels.slice(0, 2) },
      openEngine: async () => Object.assign(engine, { run }),
    });
    onTestFinished(() => agent.stop());
    const { url = '' } = await agent.start();
    for (const { command, answer } of examples) {
      expect(answer, command).not.toBe('');
      const script = [...setUp, command].join('\n').replaceAll('http://127.0.0.1:8080', url);
      const { stdout } = await promisify(execFile)('bash', ['-c', script], { encoding: 'latin1' });
      expect(stdout, command).toMatch(pattern(answer));
    }
  },
);
