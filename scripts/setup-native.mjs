// Gives the trainer TensorFlow's native library (ebb train --backend node), in .native/; needs Node and npm, and says what else.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { extraFolder, root } from './extra-folder.mjs';
import { downloadBytes, installByDownload } from './native/download.mjs';
import { readOptions, usage } from './native/options.mjs';
import { readStamp, removeStamp, writeStamp } from './native/stamp.mjs';
import { buildOnWheel, wheelBytes } from './native/wheel.mjs';
import { runCommand } from './run-command.mjs';

const recipe = join(root, 'scripts', 'native');
const home = extraFolder('native');
const parent = dirname(home);
const tempPrefix = `${basename(home)}.tmp-`;
const temp = join(parent, `${tempPrefix}${process.pid}`);
const packageIn = (dir) => join(dir, 'node_modules', '@tensorflow', 'tfjs-node');

const say = (text) => process.stderr.write(`setup native: ${text}\n`);
const remove = (path) => rmSync(path, { recursive: true, force: true, maxRetries: 5 });

function removeHome() {
  removeStamp(home);
  remove(home);
}

/** Commands run in the temporary folder, which goes with them when they are stopped. */
function run(command, args, options = {}) {
  const onStop = (signal) => {
    say(`stopped by ${signal}: deleting what is there; the next call begins anew`);
    remove(temp);
  };
  return runCommand(command, args, { cwd: temp, onStop, ...options });
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** What a call that was killed has left. */
function removeLeftovers() {
  for (const name of readdirSync(parent))
    if (name.startsWith(tempPrefix) && !isRunning(Number(name.slice(tempPrefix.length))))
      remove(join(parent, name));
}

function requireSpace(bytes) {
  const { bavail, bsize } = statfsSync(parent);
  const gb = (value) => `${(value / 1e9).toFixed(1)} GB`;
  if (bavail * bsize < bytes)
    throw new Error(
      `it needs ${gb(bytes)} free in ${parent}: current value is ${gb(bavail * bsize)}; free some`,
    );
}

async function installPackages() {
  mkdirSync(temp);
  for (const name of ['package.json', 'package-lock.json'])
    copyFileSync(join(recipe, name), join(temp, name));
  say('installing npm packages of @tensorflow/tfjs-node');
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, timedOut } = await run('npm', args, { timeLimitMs: 15 * 60_000 });
  if (status !== 0)
    throw new Error(
      `npm ci ${timedOut ? 'took more than 15 min' : 'failed (lines above)'}: is the npm registry within reach?`,
    );
}

/** Loads the package in a process of its own. Returns TensorFlow's version. */
async function check() {
  const { status, stdout, timedOut } = await run(
    process.execPath,
    [join(recipe, 'check.cjs'), packageIn(temp)],
    {
      env: { TF_CPP_MIN_LOG_LEVEL: '2', ...process.env },
      collect: true,
      timeLimitMs: 120_000,
    },
  );
  if (status === 0) return stdout;
  const how = timedOut
    ? 'multiplying two matrices took more than 2 min'
    : 'it cannot be loaded (lines above)';
  throw new Error(`the installed library does not work: ${how}`);
}

const ways = {
  async download({ minutes }) {
    requireSpace(downloadBytes);
    say(`running the package's own install script, at most ${minutes} min`);
    await installByDownload({ packageDir: packageIn(temp), run, minutes });
  },
  async wheel() {
    requireSpace(wheelBytes);
    await buildOnWheel({ packageDir: packageIn(temp), workDir: join(temp, 'wheel'), run, say });
  },
};

/** Tries the ways in turn. Returns the first that works, with TensorFlow's version. */
async function install(names, options) {
  const failures = [];
  for (const from of names) {
    try {
      await ways[from](options);
      return { from, tensorflow: await check() };
    } catch (error) {
      failures.push(`--from ${from}: ${error.message}`);
      if (failures.length < names.length) say(failures.at(-1));
    }
  }
  throw new Error(`cannot install TensorFlow's library:\n  ${failures.join('\n  ')}`);
}

/**
 * Installs or removes the library.
 *
 * @param {{ from?: string, minutes: number, remove?: boolean }} options checked by readOptions()
 * @returns the exit status
 */
export async function setupNative(options) {
  mkdirSync(parent, { recursive: true });
  removeLeftovers();
  if (options.remove) {
    say(existsSync(home) ? `deleting ${home}` : `${home} is not there`);
    removeHome();
    return 0;
  }
  const stamp = readStamp(home);
  if (stamp && (options.from ?? stamp.from) === stamp.from) {
    say('nothing to do (--remove, then again, makes it anew)');
    process.stdout.write(`TensorFlow ${stamp.tensorflow} is in ${home}\n`);
    return 0;
  }
  try {
    requireSpace(downloadBytes);
    await installPackages();
    const found = await install(options.from ? [options.from] : ['download', 'wheel'], options);
    const { version } = JSON.parse(readFileSync(join(packageIn(temp), 'package.json'), 'utf8'));
    writeStamp(temp, { tfjs_node: version, ...found, node: process.version });
    removeHome();
    renameSync(temp, home);
    process.stdout.write(`TensorFlow ${found.tensorflow} is in ${home}; ebb train --backend node uses it\n`);
    return 0;
  } catch (error) {
    remove(temp);
    say(error.message);
    return 1;
  }
}

async function main() {
  const options = readOptions();
  if (options.wrong) {
    say(`${options.wrong}\n\n${usage}`);
    return 2;
  }
  if (!options.help) return setupNative(options);
  process.stdout.write(usage);
  return 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.exitCode = await main();
