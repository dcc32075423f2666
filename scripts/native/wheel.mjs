import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const wheelVersion = '2.21.0';
const wheels = {
  x64: { name: 'tensorflow-cpu', platform: 'manylinux_2_27_x86_64' },
  arm64: { name: 'tensorflow', platform: 'manylinux_2_27_aarch64' },
};

/** Wheel, libraries and headers at once, beside the npm packages; 0.8 GB of it stay. */
export const wheelBytes = 1.5e9;

// The two libraries and the headers of a wheel; the rest is Python.
const unpack = `
import sys, zipfile
wheel, target = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        if name.startswith('tensorflow/include/') or name in (
            'tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2'):
            archive.extract(name, target)
`;

function glibcVersion() {
  return process.report.getReport().header.glibcVersionRuntime;
}

/** Why there is no wheel that would fit, or undefined. */
export function missingWheel({
  platform = process.platform,
  arch = process.arch,
  glibc = glibcVersion,
} = {}) {
  const here = `current value is ${platform} ${arch}`;
  if (platform !== 'linux' || !(arch in wheels))
    return `the wheel's library fits Linux on x64 or arm64 alone: ${here}; use --from download, or train with --backend wasm`;
  const found = glibc();
  const [major, minor] = (found ?? '0.0').split('.').map(Number);
  if (major > 2 || (major === 2 && minor >= 27)) return undefined;
  return `the wheel's library needs glibc 2.27 or newer: current value is ${found ?? 'another C library'}; train with --backend wasm`;
}

async function requireTools(run) {
  const cxx = process.env.CXX ?? 'g++';
  const tools = [
    { command: 'python3', args: ['-m', 'pip', '--version'], cure: 'install python3 and python3-pip' },
    { command: 'make', args: ['--version'], cure: 'install make' },
    { command: cxx, args: ['--version'], cure: 'install g++, or set CXX to a C++17 compiler' },
  ];
  for (const { command, args, cure } of tools) {
    const { status, error } = await run(command, args, { collect: true, timeLimitMs: 60_000 });
    if (status !== 0)
      throw new Error(
        `building the addon needs "${[command, ...args].join(' ')}" to run: ${error ? error.message : `it ended with status ${status}`}; ${cure}`,
      );
  }
}

async function download(run, dir) {
  const { name, platform } = wheels[process.arch];
  mkdirSync(dir);
  // Any Python's wheel will do, as only its C library is used: so the one that runs pip may be of any version.
  const target = [
    '--python-version',
    '3.11',
    '--implementation',
    'cp',
    '--abi',
    'cp311',
    '--platform',
    platform,
  ];
  const pip = ['-m', 'pip', 'download', '--no-cache-dir', '--no-deps', '--only-binary=:all:', ...target];
  const { status, timedOut } = await run('python3', [...pip, '-d', dir, `${name}==${wheelVersion}`], {
    env: { ...process.env, TMPDIR: dir },
    timeLimitMs: 30 * 60_000,
  });
  const wheel = readdirSync(dir).find((file) => file.endsWith('.whl'));
  if (status === 0 && wheel) return join(dir, wheel);
  const why = timedOut ? 'took more than 30 min' : 'failed (lines above)';
  throw new Error(
    `downloading the wheel ${name} ${wheelVersion} with pip ${why}: let the Python package index be reached (pip's own settings are heeded)`,
  );
}

/** Node's headers beside Node itself, where its distribution brings them: node-gyp would download them from nodejs.org. */
function headersOfNode() {
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, 'include', 'node', 'common.gypi')) ? { npm_config_nodedir: prefix } : {};
}

/**
 * Builds the addon with node-gyp against the library of TensorFlow's Python wheel.
 *
 * @param {{ packageDir: string, workDir: string, run: Function, say: (text: string) => void }} options
 * @throws Error with the cure
 */
export async function buildOnWheel({ packageDir, workDir, run, say }) {
  const missing = missingWheel();
  if (missing) throw new Error(missing);
  await requireTools(run);
  for (const name of ['deps', 'lib', 'build'])
    rmSync(join(packageDir, name), { recursive: true, force: true });
  say(`downloading TensorFlow ${wheelVersion} with pip, about 270 MB`);
  const wheel = await download(run, workDir);
  say('unpacking its library and headers');
  const unpacked = await run('python3', ['-c', unpack, wheel, workDir]);
  if (unpacked.status !== 0) throw new Error('unpacking the wheel failed (lines above): is the disk full?');
  rmSync(wheel);
  say("building tfjs-node's addon");
  const deps = join(packageDir, 'deps');
  const lib = join(deps, 'lib');
  const from = join(workDir, 'tensorflow');
  mkdirSync(lib, { recursive: true });
  renameSync(join(from, 'include'), join(deps, 'include'));
  // The linker looks for the plain names, the loader for those with the number.
  for (const [name, plain] of [
    ['libtensorflow_cc.so.2', 'libtensorflow.so'],
    ['libtensorflow_framework.so.2', 'libtensorflow_framework.so'],
  ]) {
    renameSync(join(from, name), join(lib, name));
    symlinkSync(name, join(lib, plain));
  }
  const { status, timedOut } = await run('npm', ['run', '--silent', 'build-addon-from-source'], {
    cwd: packageDir,
    env: { ...process.env, ...headersOfNode(), CXXFLAGS: `-std=c++17 ${process.env.CXXFLAGS ?? ''}` },
    timeLimitMs: 15 * 60_000,
  });
  if (status !== 0)
    throw new Error(
      `building the addon ${timedOut ? 'took more than 15 min' : 'failed (lines above)'}: it needs a C++17 compiler, and Node's headers from nodejs.org where Node is installed without them`,
    );
  for (const left of [workDir, join(deps, 'include'), join(packageDir, 'build')])
    rmSync(left, { recursive: true, force: true });
}
