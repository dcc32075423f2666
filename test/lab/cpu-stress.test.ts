import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startCpuStress } from '../../lab/stress/cpu-stress.ts';

/** Process ids of the children of `parent`. */
function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        // proc_pid_stat(5): after the parenthesised name come the state and the parent.
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
      } catch {
        return false;
      }
    })
    .map(Number);
}

async function waitUntil(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !holds(); tries += 1) await sleep(50);
  expect(holds()).toBe(true);
}

describe.skipIf(process.platform !== 'linux')('startCpuStress() (needs /proc to count processes)', () => {
  it('starts the processes and leaves none when it stops', async () => {
    const before = childrenOf(process.pid);
    const stress = startCpuStress(2);
    const started = childrenOf(process.pid).filter((pid) => !before.includes(pid));
    expect(started).toHaveLength(2);
    await stress.stop();
    expect(childrenOf(process.pid).filter((pid) => started.includes(pid))).toEqual([]);
  });

  it('leaves none even when the process that started it is killed', async () => {
    const module = new URL('../../lab/stress/cpu-stress.js', import.meta.url).href;
    const parent = spawn(process.execPath, [
      '--input-type=module',
      '-e',
      `import { startCpuStress } from '${module}'; startCpuStress(2); setInterval(() => {}, 1000);`,
    ]);
    await waitUntil(() => childrenOf(parent.pid!).length === 2);
    const children = childrenOf(parent.pid!);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    const alive = () => readdirSync('/proc').filter((name) => children.includes(Number(name)));
    await waitUntil(() => alive().length === 0);
  });
});
