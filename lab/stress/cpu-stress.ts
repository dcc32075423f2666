import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** Spins until its standard input closes: it cannot outlive the process that started it, however that one ends. */
const spin = `
process.stdin.on('close', () => process.exit()).resume();
const turn = () => { const end = performance.now() + 50; while (performance.now() < end); setImmediate(turn); };
turn();
`;

export type Stress = { stop(): Promise<void> };

/** Loads the CPU with `processes` processes that each want a whole core. */
export function startCpuStress(processes: number): Stress {
  const children: ChildProcess[] = Array.from({ length: processes }, () =>
    spawn(process.execPath, ['-e', spin], { stdio: ['pipe', 'ignore', 'ignore'] }),
  );
  return {
    async stop() {
      const running = children.filter((child) => child.exitCode === null && child.signalCode === null);
      const ended = running.map((child) => once(child, 'exit'));
      for (const child of running) child.kill('SIGKILL');
      await Promise.all(ended);
    },
  };
}
