// Installs packages and compiles TypeScript where either is missing or stale; says what it does; needs nothing but Node and npm.
//   node scripts/setup.mjs           before `npm start` and `npm test`
//   node scripts/setup.mjs --build   only compiles
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const say = (text) => process.stderr.write(`setup: ${text}\n`);

function fail(text) {
  say(text);
  process.exit(1);
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(`ebb needs Node 20.19 or newer: current version is ${process.versions.node}; see https://nodejs.org`);
}

function fingerprint(paths) {
  const hash = createHash('sha256');
  for (const path of paths)
    hash
      .update(path)
      .update('\0')
      .update(readFileSync(join(root, path)))
      .update('\0');
  return hash.digest('hex');
}

function isCurrent(stamp, value) {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === value;
}

/**
 * Runs a command in a process group of its own, so that Ctrl-C ends it with all its children at once: npm would go on for many
 * seconds. What it leaves behind has no stamp and is made anew next time.
 */
async function run(command, args, env = process.env) {
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 2, 2], env, detached: true });
  const stop = (signal) => {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      child.kill('SIGKILL'); // no process groups on Windows
    }
    say(`stopped by ${signal}: the next start goes on from here`);
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    const [status] = await once(child, 'close');
    return status === 0;
  } catch (error) {
    return fail(`cannot start ${command}: ${error.message}`);
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

async function install() {
  const stamp = join(root, 'node_modules', '.ebb-setup');
  const value = `${fingerprint(['package.json', 'package-lock.json'])} node ${process.versions.modules} ${process.platform} ${process.arch}`;
  if (isCurrent(stamp, value)) return;
  say('installing packages (npm ci); a minute or two the first time');
  const env = { ...process.env };
  // onnxruntime-node's install script downloads CUDA libraries of several hundred MB on linux-x64: only where asked for.
  if (!env.EBB_CUDA) env.ONNXRUNTIME_NODE_INSTALL = 'skip';
  if (!(await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], env)))
    fail('npm ci failed: look at the lines above; is the npm registry within reach?');
  if (!existsSync(join(root, 'node_modules', '@tensorflow', 'tfjs-node')))
    say(
      '@tensorflow/tfjs-node could not be installed: training uses the WebAssembly back end ("ebb doctor" says more)',
    );
  writeFileSync(stamp, value);
}

function sources() {
  const skip = new Set([
    'node_modules',
    'dist',
    'dist-next',
    'runs',
    'fixtures',
    'docs',
    'profiles',
    'scripts',
  ]);
  return readdirSync(root, { recursive: false, withFileTypes: true })
    .filter((entry) => !skip.has(entry.name) && !entry.name.startsWith('.'))
    .flatMap((entry) =>
      entry.isDirectory()
        ? readdirSync(join(root, entry.name), { recursive: true })
            .map((path) => join(entry.name, path))
            .filter((path) => path.endsWith('.ts') && !path.includes('node_modules'))
        : [entry.name].filter((name) => name.endsWith('.ts')),
    )
    .sort();
}

async function build() {
  const stamp = join(root, 'dist', '.ebb-setup');
  const value = fingerprint(['tsconfig.json', 'package-lock.json', ...sources()]);
  if (isCurrent(stamp, value)) return;
  say('compiling TypeScript');
  const next = join(root, 'dist-next');
  rmSync(next, { recursive: true, force: true });
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  if (!(await run(process.execPath, [tsc, '--outDir', next]))) fail('tsc failed: mend the errors above');
  writeFileSync(join(next, '.ebb-setup'), value);
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  renameSync(next, join(root, 'dist'));
}

requireNode();
if (!process.argv.includes('--build')) await install();
await build();
