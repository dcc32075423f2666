import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../project-root.ts';

function setupNative(...args: string[]): Promise<{ status: unknown; stdout: string; stderr: string }> {
  const script = join(projectRoot, 'scripts', 'setup-native.mjs');
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], (error, stdout, stderr) =>
      resolve({ status: error?.code ?? 0, stdout, stderr }),
    );
  });
}

describe('setup-native', () => {
  it('explains its options', async () => {
    const { status, stdout } = await setupNative('--help');
    expect(status).toBe(0);
    for (const option of ['--from download', '--from wheel', '--minutes', '--remove'])
      expect(stdout).toContain(option);
  });

  it.each([[['--fast']], [['wheel']], [['--from', 'source']], [['--minutes', '0']], [['--from']]])(
    'refuses %j with status 2 and its usage',
    async (args) => {
      const { status, stdout, stderr } = await setupNative(...args);
      expect(status).toBe(2);
      expect(stdout).toBe('');
      expect(stderr).toContain('--from download');
    },
  );
});
