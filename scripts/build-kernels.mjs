// Builds the sparse engine's native kernels, into .kernels/, with the C compiler that is there ($CC, cc, gcc or clang).
//   node scripts/build-kernels.mjs
//   node scripts/build-kernels.mjs --sanitize   with GCC's address and undefined-behaviour sanitizers: see CONTRIBUTING.md
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { extraFolder, root } from './extra-folder.mjs';
import { runCommand } from './run-command.mjs';

const sources = join(root, 'engine', 'sparse', 'kernels');

/** One object for each instruction set: the same source. */
const variants =
  process.arch === 'x64'
    ? [
        [
          'avx512',
          [
            '-mavx512f',
            '-mavx512dq',
            '-mfma',
            '-mprefer-vector-width=512',
            '-DEBB_LANES=16',
            '-DEBB_DEPTH=24',
          ],
        ],
        ['avx2', ['-mavx2', '-mfma', '-DEBB_LANES=8']],
        ['sse2', []],
      ]
    : process.arch === 'arm64'
      ? [['neon', ['-DEBB_DEPTH=24']]]
      : [['baseline', []]];

/** What is compiled once, for all of them. */
const parts = ['pool', 'threads-posix', 'crew', 'native'];

const flags = [
  '-std=gnu11',
  '-O3',
  '-fPIC',
  '-fvisibility=hidden',
  '-Wall',
  '-Wextra',
  '-ffp-contract=fast',
  // Else a kernel is up to a tenth slower or faster with whatever stands before it in the library (Zen 3).
  '-falign-functions=64',
];
// Vectors are read at any float's address, as <immintrin.h>'s unaligned loads do: the type says so, and the sanitizer checks it.
const sanitizers = [
  '-g',
  '-fno-omit-frame-pointer',
  '-fsanitize=address,undefined',
  '-fno-sanitize-recover=undefined',
];
const files = readdirSync(sources)
  .filter((name) => /\.[ch]$/.test(name))
  .sort();

async function findCompiler() {
  for (const name of [process.env.CC, 'cc', 'gcc', 'clang'].filter(Boolean)) {
    const { status } = await runCommand(name, ['--version'], { collect: true });
    if (status === 0) return name;
  }
  return undefined;
}

function fingerprint(compiler, isSanitized) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(join(sources, file))).update('\0');
  hash.update(readFileSync(fileURLToPath(import.meta.url)));
  return `${hash.digest('hex')} ${compiler} ${process.platform} ${process.arch}${isSanitized ? ' sanitized' : ''}`;
}

/** Node-API's headers, wherever npm or pnpm has put the package. */
function findHeaders() {
  try {
    const manifest = createRequire(import.meta.url).resolve('node-api-headers/package.json');
    return join(dirname(manifest), 'include');
  } catch {
    return undefined;
  }
}

const compilerCure =
  process.platform === 'darwin'
    ? 'xcode-select --install'
    : 'Debian, Ubuntu and Raspberry Pi OS: sudo apt-get install gcc libc6-dev';

/** What a build that was killed hard has left; a build that runs beside this one keeps its folder. */
function removeLeftovers(home) {
  const prefix = `${basename(home)}.tmp-`;
  if (!existsSync(dirname(home))) return;
  for (const name of readdirSync(dirname(home)).filter((name) => name.startsWith(prefix)))
    try {
      process.kill(Number(name.slice(prefix.length)), 0);
    } catch (error) {
      if (error.code === 'ESRCH') rmSync(join(dirname(home), name), { recursive: true, force: true });
    }
}

/** Puts the finished folder in place; another process may have done the same in the meantime. */
function exchange(next, home) {
  rmSync(home, { recursive: true, force: true });
  try {
    renameSync(next, home);
  } catch (error) {
    rmSync(next, { recursive: true, force: true });
    if (!['ENOTEMPTY', 'EEXIST'].includes(error.code)) throw error;
  }
}

/**
 * Builds what is missing or stale.
 *
 * @param {(text: string) => void} say
 * @param {{ isSanitized?: boolean }} options
 * @returns {Promise<{ home?: string, isNew?: boolean, missing?: string }>} the folder they are in, or why there are
 *   none and the cure; the engine can do without.
 */
export async function buildKernels(say, { isSanitized = false } = {}) {
  if (process.platform === 'win32')
    return { missing: 'native kernels need Linux or macOS; the sparse engine runs through WebAssembly' };
  const compiler = await findCompiler();
  if (compiler === undefined)
    return { missing: `no C compiler found (cc, gcc, clang or $CC): install one (${compilerCure})` };
  const headers = findHeaders();
  if (headers === undefined)
    return { missing: 'package node-api-headers is not installed: install ebb again' };
  const home = extraFolder('kernels');
  const stamp = join(home, 'stamp');
  const value = fingerprint(compiler, isSanitized);
  const checks = isSanitized ? sanitizers : [];
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === value) return { home, isNew: false };
  say('compiling the native kernels of the sparse engine');
  removeLeftovers(home);
  const next = `${home}.tmp-${process.pid}`;
  const remove = () => rmSync(next, { recursive: true, force: true });
  try {
    mkdirSync(next, { recursive: true });
  } catch (error) {
    return {
      missing: `cannot write ${next} (${error.code}): let ${dirname(home)} be writable, or set XDG_CACHE_HOME`,
    };
  }
  const run = async (args) => {
    const { status } = await runCommand(compiler, args, { cwd: next, onStop: remove });
    return status === 0;
  };
  const compile = (file, object, more = []) =>
    run([...flags, ...checks, ...more, `-I${headers}`, '-c', join(sources, file), '-o', object]);
  const built =
    (
      await Promise.all([
        ...parts.map((name) => compile(`${name}.c`, `${name}.o`)),
        ...variants.map(([name, more]) => compile('kernels.c', `${name}.o`, [...more, `-DEBB_SET=${name}`])),
      ])
    ).every(Boolean) &&
    (await run([
      '-shared',
      ...checks,
      ...(process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : []),
      '-o',
      'ebb-kernels.node',
      ...parts.map((name) => `${name}.o`),
      ...variants.map(([name]) => `${name}.o`),
      '-lpthread',
    ]));
  if (!built) {
    remove();
    return {
      missing: `${compiler} failed (lines above): it needs the C library's headers as well (${compilerCure})`,
    };
  }
  writeFileSync(join(next, 'stamp'), value);
  exchange(next, home);
  return { home, isNew: true };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const say = (text) => process.stderr.write(`build:kernels: ${text}\n`);
  const { home, missing } = await buildKernels(say, { isSanitized: process.argv.includes('--sanitize') });
  say(missing ?? `they are in ${home}`);
  if (missing) process.exitCode = 1;
}
