// Packs ebb and uses it as a stranger would: installed into an empty folder, once whole and once without optional packages.
//   npm run test:package               some minutes: two installations, a short training
//   npm run test:package -- --keep     leaves the folder
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const temp = mkdtempSync(join(tmpdir(), 'ebb-package-'));
const execute = promisify(execFile);
const say = (text) => process.stdout.write(`test:package: ${text}\n`);
// npx and npm must run on the Node that runs this. The test must not inherit what npm run sets.
const env = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(([key]) => !/^npm_|^ONNXRUNTIME_NODE_INSTALL/.test(key)),
  ),
  PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
  XDG_CACHE_HOME: join(temp, 'cache'),
};

async function run(command, args, cwd, options = {}) {
  const { status: wanted = 0, more = {} } = options;
  try {
    const { stdout, stderr } = await execute(command, args, {
      cwd,
      env: { ...env, ...more },
      maxBuffer: 2 ** 26,
    });
    if (wanted !== 0) throw new Error(`${command} ${args.join(' ')} must fail: it ended with status 0`);
    return { stdout, stderr };
  } catch (error) {
    if (typeof error.code === 'number' && error.code === wanted) return error;
    const { stdout = '', stderr = '' } = error;
    throw new Error(`in ${cwd}: ${command} ${args.join(' ')}: ${error.message}\n${stdout}${stderr}`);
  }
}

function must(condition, text) {
  if (!condition) throw new Error(`it must be so that ${text}`);
}

const noWarning = ({ stderr }, what) =>
  must(!/DeprecationWarning|DEP0\d+|ExperimentalWarning/.test(stderr), `${what} warns of nothing: ${stderr}`);

async function bytesOf(folder) {
  const { stdout } = await run('du', ['-sk', folder], temp);
  return `${Math.round(Number(stdout.split('\t')[0]) / 1024)} MiB`;
}

async function pack() {
  const { stdout } = await run(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', temp],
    root,
  );
  const answer = JSON.parse(stdout);
  const [{ filename, size, unpackedSize, files }] = Array.isArray(answer) ? answer : Object.values(answer);
  const paths = files.map(({ path }) => path);
  for (const path of [
    'engine/sparse/kernels/kernels.c',
    'engine/sparse/kernels/kernels.h',
    'scripts/build-kernels.mjs',
    'scripts/native/package-lock.json',
    'dist/index.d.ts',
    'systemd/ebb.service',
    'LICENSE',
  ])
    must(paths.includes(path), `the package holds ${path}`);
  must(!paths.some((path) => path.startsWith('dist/test/')), 'the package holds no tests');
  say(`${filename}: ${(size / 1e6).toFixed(2)} MB, unpacked ${(unpackedSize / 1e6).toFixed(2)} MB`);
  return join(temp, filename);
}

/** publint, and whether the types resolve for every kind of import. */
async function lint(tarball) {
  const bin = join(root, 'node_modules', '.bin');
  await run(join(bin, 'publint'), ['run', tarball, '--strict'], root);
  await run(join(bin, 'attw'), [tarball, '--profile', 'esm-only'], root);
  const versionOf = (name) =>
    JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).version;
  const names = ['publint', '@arethetypeswrong/cli'];
  say(`${names.map((name) => `${name} ${versionOf(name)}`).join(' and ')}: clean`);
}

async function install(tarball, name, flags = []) {
  const folder = join(temp, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
  await run('npm', ['install', '--no-audit', '--no-fund', ...flags, tarball], folder);
  say(`${name}: node_modules is ${await bytesOf(join(folder, 'node_modules'))}`);
  const doctor = await ebb(folder, ['doctor']);
  const cure = /run\s+"(npx ebb setup)"/.exec(doctor.stdout.replaceAll(/\n\s+/g, ' '))?.[1];
  must(cure !== undefined, `doctor names a cure for missing kernels that can be typed:\n${doctor.stdout}`);
  // As the user would type it.
  await run('sh', ['-c', cure], folder);
  must(/native kernels, instruction sets/.test((await ebb(folder, ['doctor'])).stdout), 'its cure cures');
  const pruned = await ebb(folder, ['setup', '--prune']);
  must(/freed/.test(pruned.stdout), `setup --prune frees something: ${pruned.stdout}`);
  must(/nothing to remove/.test((await ebb(folder, ['setup', '--prune'])).stdout), 'it does so once');
  say(`${name}: after "ebb setup --prune" ${await bytesOf(join(folder, 'node_modules'))}`);
  return folder;
}

/** Any deprecated call ends the process. */
async function ebb(folder, args, options) {
  const more = { NODE_OPTIONS: '--throw-deprecation' };
  const ended = await run('npx', ['--no-install', 'ebb', ...args], folder, { ...options, more });
  noWarning(ended, `ebb ${args[0]}`);
  return ended;
}

/** Serves the bundle and asks for one answer. */
async function serve(folder, bundle, flags = []) {
  const cli = join(folder, 'node_modules', 'ebb', 'dist', 'cli.js');
  const args = [
    '--throw-deprecation',
    cli,
    'run',
    bundle,
    '--profile',
    'x86',
    '--http',
    '127.0.0.1:0',
    '--json',
    ...flags,
  ];
  const child = spawn(process.execPath, args, { cwd: folder, env });
  let [stdout, stderr] = ['', ''];
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  try {
    const url = await new Promise((resolve, reject) => {
      child.stdout.on('data', (text) => {
        stdout += text;
        const found = /"http":"([^"]+)"/.exec(stdout);
        if (found) resolve(found[1]);
      });
      child.once('exit', (status) => reject(new Error(`run ended with ${status}: ${stdout}${stderr}`)));
    });
    const manifest = JSON.parse(readFileSync(join(bundle, 'manifest.json'), 'utf8'));
    const shape = [1, ...manifest.input.shape.slice(1)];
    const data = Array.from({ length: shape.reduce((product, size) => product * size, 1) }, () => 0.5);
    const inputs = [{ name: manifest.input.name, datatype: 'FP32', shape, data }];
    const response = await fetch(`${url}/v2/models/${manifest.name}/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ inputs }),
    });
    const text = await response.text();
    must(response.status === 200, `the agent answers with 200: ${response.status} ${text}`);
    must(JSON.parse(text).outputs[0].data.every(Number.isFinite), 'the answer is numbers');
    const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
    say(`the agent answered; its memory (RSS) is ${Math.round(kilobytes / 1024)} MiB`);
  } finally {
    child.kill('SIGTERM');
    await once(child, 'close');
  }
  noWarning({ stderr: stdout + stderr }, 'ebb run');
  return stdout + stderr;
}

async function useLibrary(folder) {
  const code = "const ebb = await import('ebb'); console.log(typeof ebb.openEngine, typeof ebb.readBundle);";
  const args = ['--throw-deprecation', '--input-type=module', '-e', code];
  const { stdout } = await run(process.execPath, args, folder);
  must(stdout.trim() === 'function function', `the library can be imported: ${stdout}`);
}

async function whole(tarball) {
  const folder = await install(tarball, 'whole');
  await useLibrary(folder);
  await ebb(folder, [
    ...['train', '--data', 'shapes', '--levels', '0,0.8', '--granularity', 'channel', '--epochs', '0.02'],
    ...['--backend', 'wasm', '--out', 'run'],
  ]);
  const bundle = join(folder, 'run', 'bundle');
  await ebb(folder, ['inspect', bundle]);
  await ebb(folder, ['calibrate', bundle, '--profile', 'x86', '--json']);
  const sparse = await ebb(folder, ['eval', bundle, '--data', 'shapes', '--engine', 'sparse', '--json']);
  must(sparse.stdout.includes('"sparse"'), 'the sparse engine counts');
  await serve(folder, bundle);
  must(/native/.test(await serve(folder, bundle, ['--engine', 'sparse'])), 'native kernels answer');
  return bundle;
}

async function withoutOptional(tarball, bundle) {
  const folder = await install(tarball, 'without-optional', ['--omit=optional']);
  for (const name of ['@tensorflow', 'sharp', 'linkedom', '@observablehq'])
    must(!existsSync(join(folder, 'node_modules', name)), `${name} is not installed`);
  await useLibrary(folder);
  const train = ['train', '--data', 'shapes', '--levels', '0', '--epochs', '1', '--out', 'run'];
  const { stderr } = await ebb(folder, train, { status: 1 });
  must(
    /^ebb train: Cannot train as \S+ is not installed: run "npm i --include=optional .*tfjs-core@/.test(
      stderr,
    ) && stderr.trim().split('\n').length === 1,
    `training names its cure in one line: ${stderr}`,
  );
  must(!readdirSync(folder).includes('run'), 'nothing is left behind');
  await ebb(folder, ['fleet', '--help']);
  await ebb(folder, ['inspect', bundle]);
  await ebb(folder, ['calibrate', bundle, '--profile', 'x86', '--json']);
  await serve(folder, bundle);
  must(/native/.test(await serve(folder, bundle, ['--engine', 'sparse'])), 'native kernels answer');
}

try {
  say(`Node ${process.version}`);
  const tarball = await pack();
  await lint(tarball);
  const bundle = await whole(tarball);
  await withoutOptional(tarball, bundle);
  say('all of it works');
} catch (error) {
  process.stderr.write(`test:package: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  if (process.argv.includes('--keep')) say(`left in ${temp}`);
  else rmSync(temp, { recursive: true, force: true });
}
