// Compiles the kernels to WebAssembly, with fixed and with relaxed SIMD; run in a folder where npm has installed this folder's package.json.
//   node compile.mjs SOURCES TARGETS
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [sources, targets] = process.argv.slice(2);
const clang = createRequire(join(process.cwd(), 'package.json')).resolve('@yowasp/clang');
const { commands } = await import(pathToFileURL(clang).href);
const names = readdirSync(sources).filter((name) => /\.[ch]$/.test(name));
const files = Object.fromEntries(names.map((name) => [name, readFileSync(join(sources, name), 'utf8')]));
const flags = [
  '--target=wasm32',
  '-O3',
  // It takes places apart that a load's constant offset would hold, which V8 then adds up again: 6% of a dense net's time.
  '-mllvm',
  '-disable-lsr',
  '-msimd128',
  '-mbulk-memory',
  '-matomics',
  '-ffreestanding',
  '-nostdlib',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-Wl,--no-entry',
  // Threads: each has an instance, all on one memory, which is made as large as a plan asks for.
  '-Wl,--import-memory',
  '-Wl,--shared-memory',
  `-Wl,--max-memory=${2 ** 32}`,
  `-Wl,--initial-memory=${2 * 65_536}`,
  '-Wl,--export=__stack_pointer',
  '-Wl,--strip-all',
];
const print = (bytes) => bytes && process.stderr.write(bytes);
const builds = { 'kernels.wasm': [], 'kernels-relaxed.wasm': ['-mrelaxed-simd'] };
for (const [name, more] of Object.entries(builds)) {
  const out = await commands.clang(
    [...flags, ...more, '-o', name, 'kernels.c', 'pool.c', 'threads-wasm.c', 'wasm.c'],
    files,
    {
      stdout: print,
      stderr: print,
      fetchProgress: () => {},
    },
  );
  writeFileSync(join(targets, name), out[name]);
}
