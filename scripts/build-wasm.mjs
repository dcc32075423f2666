// Builds the sparse engine's kernels as WebAssembly, into engine/sparse/kernels/*.wasm, which are committed: who uses ebb needs no compiler for
// them. The compiler comes from npm in one fixed version, so that the same source gives the same bytes on every machine.
//   node scripts/build-wasm.mjs           after a change of the kernels
//   node scripts/build-wasm.mjs --check   only says whether the committed files are what the source gives: status 1 where they are not, 2 where the
//                                         compiler cannot be had
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from './run-command.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const kernels = join(root, 'engine', 'sparse', 'kernels');
const names = ['kernels.wasm', 'kernels-relaxed.wasm'];
const temp = mkdtempSync(join(tmpdir(), 'ebb-wasm-'));
const say = (text) => process.stderr.write(`build:wasm: ${text}\n`);
const remove = () => rmSync(temp, { recursive: true, force: true });

async function run(command, args) {
  const { status } = await runCommand(command, args, { cwd: temp, onStop: remove });
  if (status !== 0) throw new Error(`${command} failed: look at the lines above`);
}

try {
  for (const name of ['package.json', 'package-lock.json', 'compile.mjs'])
    cpSync(join(root, 'scripts', 'wasm', name), join(temp, name));
  say('installing the compiler from npm (100 MB)');
  await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
  await run(process.execPath, ['compile.mjs', kernels, temp]);
  for (const name of names) {
    const committed = join(kernels, name);
    const built = readFileSync(join(temp, name));
    const isSame = existsSync(committed) && built.equals(readFileSync(committed));
    if (!process.argv.includes('--check')) writeFileSync(committed, built);
    else if (!isSame) {
      say(`${committed} is not what its source gives: run "npm run build:wasm" and commit it`);
      process.exitCode = 1;
      continue;
    }
    say(`${name}: ${built.length} bytes, ${isSame ? 'the same as before' : 'changed'}`);
  }
} catch (error) {
  say(error.message);
  process.exitCode = 2;
} finally {
  remove();
}
