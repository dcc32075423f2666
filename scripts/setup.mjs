// Installs packages and compiles TypeScript where either is missing or stale; says what it does; needs nothing but Node and npm.
//   node scripts/setup.mjs           before `npm start` and `npm test`
//   node scripts/setup.mjs --build   only compiles
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildKernels } from './build-kernels.mjs';
import { runCommand } from './run-command.mjs';

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

/** Runs a command; what it leaves behind when it is stopped has no stamp and is made anew next time. */
async function run(command, args, env = process.env) {
  const onStop = (signal) => say(`stopped by ${signal}: the next start goes on from here`);
  const { status, error } = await runCommand(command, args, { cwd: root, env, onStop });
  if (error) fail(`cannot start ${command}: ${error.message}`);
  return status === 0;
}

async function install() {
  const stamp = join(root, 'node_modules', '.ebb-setup');
  // Every native addon uses Node-API: one installation fits all versions of Node.
  const value = `${fingerprint(['package.json', 'package-lock.json'])} ${process.platform} ${process.arch}`;
  if (isCurrent(stamp, value)) return;
  say('installing packages (npm ci); a minute or two the first time');
  const env = { ...process.env };
  // onnxruntime-node's install script downloads CUDA libraries of several hundred MB on linux-x64: only where asked for.
  if (!env.EBB_CUDA) env.ONNXRUNTIME_NODE_INSTALL = 'skip';
  if (!(await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], env)))
    fail('npm ci failed: look at the lines above; is the npm registry within reach?');
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

/** The sparse engine's kernels, for machines without a compiler. */
const wasm = ['kernels.wasm', 'kernels-relaxed.wasm'].map((name) =>
  join('engine', 'sparse', 'kernels', name),
);

async function build() {
  const stamp = join(root, 'dist', '.ebb-setup');
  const value = fingerprint(['tsconfig.json', 'package-lock.json', ...wasm, ...sources()]);
  if (isCurrent(stamp, value)) return;
  say('compiling TypeScript');
  const next = join(root, 'dist-next');
  rmSync(next, { recursive: true, force: true });
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  if (!(await run(process.execPath, [tsc, '--outDir', next]))) fail('tsc failed: mend the errors above');
  for (const path of wasm) cpSync(join(root, path), join(next, path));
  writeFileSync(join(next, '.ebb-setup'), value);
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  renameSync(next, join(root, 'dist'));
}

requireNode();
if (!process.argv.includes('--build')) await install();
await build();
const { missing } = await buildKernels(say);
if (missing) say(`no native kernels, the sparse engine runs through WebAssembly: ${missing}`);
