import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the npm packages, or libtensorflow and the addon, need on disk at most. */
export const downloadBytes = 1e9;

/**
 * Runs the package's own install script: it downloads libtensorflow 2.9.1 and a prebuilt addon, and has neither a time limit nor a
 * useful exit status, so that the caller must load the result.
 *
 * @param {{ packageDir: string, run: Function, minutes: number }} options
 * @throws Error with the cure
 */
export async function installByDownload({ packageDir, run, minutes }) {
  const manifest = join(packageDir, 'package.json');
  const before = readFileSync(manifest);
  const { status, timedOut } = await run('npm', ['run', '--silent', 'install'], {
    cwd: packageDir,
    timeLimitMs: minutes * 60_000,
  });
  if (status === 0) return;
  // It writes the addon's name into its manifest while it works, and leaves half a library.
  writeFileSync(manifest, before);
  for (const name of ['deps', 'lib', 'build'])
    rmSync(join(packageDir, name), { recursive: true, force: true });
  const host = 'storage.googleapis.com';
  throw new Error(
    timedOut
      ? `downloading TensorFlow's library from ${host} took more than ${minutes} min: give --minutes N, or --from wheel`
      : `downloading TensorFlow's library from ${host} failed (lines above): let ${host} be reached (HTTPS_PROXY is heeded), or give --from wheel`,
  );
}
