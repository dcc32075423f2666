import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { projectRoot } from '../project-root.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { until } from '../until.ts';

const hasScript =
  process.platform === 'linux' && spawnSync('script', ['--version'], { stdio: 'ignore' }).status === 0;

/** A process that notes in a file what it hears. */
async function listener() {
  const dir = await temporaryFolder();
  const heard = join(dir, 'heard');
  const main = join(dir, 'main.mjs');
  await writeFile(
    main,
    [
      `import { appendFileSync } from 'node:fs';`,
      `import { onHangUp } from '${join(projectRoot, 'dist/terminal/hang-up.js')}';`,
      `const note = (word) => appendFileSync('${heard}', word + ' ');`,
      `process.on('SIGTERM', () => { note('end'); process.exit(); });`,
      `onHangUp(() => note('reload'));`,
      `note(process.pid);`,
      `setInterval(() => {}, 1000);`,
    ].join('\n'),
  );
  const words = async () =>
    (await readFile(heard, 'utf8').catch(() => '')).split(' ').filter((word) => word !== '');
  return { main, words };
}

describe('onHangUp()', () => {
  it.skipIf(process.platform === 'win32')('hears SIGHUP where there is no terminal', async () => {
    const { main, words } = await listener();
    const child = spawn(process.execPath, [main], { stdio: 'ignore' });
    onTestFinished(() => void child.kill('SIGKILL'));
    await until('it listens', async () => (await words()).length === 1);
    child.kill('SIGHUP');
    await until('it has heard', async () => (await words()).length === 2);
    expect((await words())[1]).toBe('reload');
    child.kill('SIGTERM');
    await once(child, 'exit');
  });

  // `script` of util-linux gives a command a terminal of its own.
  it.skipIf(!hasScript)('ends the process in order where its terminal has gone, and only then', async () => {
    const { main, words } = await listener();
    const terminal = spawn('script', ['-qec', `exec ${process.execPath} ${main}`, '/dev/null'], {
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    onTestFinished(() => void terminal.kill('SIGKILL'));
    await until('it listens', async () => (await words()).length === 1);
    process.kill(Number((await words())[0]), 'SIGHUP');
    await until('it has heard', async () => (await words()).length === 2);
    terminal.kill('SIGKILL');
    await until('it ends', async () => (await words()).length === 3);
    expect((await words()).slice(1)).toEqual(['reload', 'end']);
  });
});
