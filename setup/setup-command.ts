import { relative } from 'node:path';
import { Command } from 'commander';
import { ebbCommand } from '../terminal/ebb-command.ts';
import { UsageError } from '../terminal/usage-error.ts';
import { pruneLibraries } from './prune-libraries.ts';

/** The scripts are JavaScript, as a clone runs them before anything is compiled. */
type Scripts = {
  kernels: {
    buildKernels(say: (text: string) => void): Promise<{ home?: string; isNew?: boolean; missing?: string }>;
  };
  native: { setupNative(options: object): Promise<number> };
  options: { readOptions(args: string[]): { wrong?: string } };
};

const files = {
  kernels: 'build-kernels.mjs',
  native: 'setup-native.mjs',
  options: 'native/options.mjs',
} as const;

const load = async <K extends keyof Scripts>(name: K): Promise<Scripts[K]> =>
  (await import(new URL(`../../scripts/${files[name]}`, import.meta.url).href)) as Scripts[K];

type Flags = { native?: boolean; prune?: boolean; from?: string; minutes?: string; remove?: boolean };

const examples = `
Examples:
  ebb setup                     # compile the native kernels: needs a C compiler
  ebb setup --prune             # on a device: remove libraries of other platforms, too
  ebb setup --native            # on a machine that trains: TensorFlow's native library`;

const say = (text: string) => process.stderr.write(`ebb setup: ${text}\n`);

async function setupKernels(): Promise<number> {
  const { buildKernels } = await load('kernels');
  const { home, isNew, missing } = await buildKernels(say);
  if (missing !== undefined) {
    say(`Cannot compile the native kernels: ${missing}; then run "${ebbCommand()} setup" again.`);
    say('Without them the sparse engine runs through WebAssembly, which is slower.');
    return 1;
  }
  process.stdout.write(`native kernels: ${isNew ? 'compiled' : 'up to date'}, in ${home}\n`);
  return 0;
}

async function setupNative(flags: Flags): Promise<number> {
  const args = [
    ...(flags.from === undefined ? [] : [`--from=${flags.from}`]),
    ...(flags.minutes === undefined ? [] : [`--minutes=${flags.minutes}`]),
    ...(flags.remove ? ['--remove'] : []),
  ];
  const options = (await load('options')).readOptions(args);
  if (options.wrong !== undefined) throw new UsageError(options.wrong);
  return (await load('native')).setupNative(options);
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

function prune(): void {
  const removed = pruneLibraries();
  for (const { path, bytes } of removed) say(`removed ${relative('', path) || path} (${megabytes(bytes)})`);
  const total = removed.reduce((sum, { bytes }) => sum + bytes, 0);
  const what = removed.length === 0 ? 'nothing to remove' : `${megabytes(total)} freed (${total} bytes)`;
  process.stdout.write(`libraries of other platforms: ${what}\n`);
}

async function setup(flags: Flags): Promise<void> {
  for (const name of ['from', 'minutes', 'remove'] as const)
    if (!flags.native && flags[name] !== undefined)
      throw new UsageError(`Cannot use --${name} as --native must be given too: add --native`);
  if (flags.prune) prune();
  const status = flags.native ? await setupNative(flags) : await setupKernels();
  if (status !== 0) process.exitCode = status;
}

export function command(): Command {
  return new Command('setup')
    .option('--native', "install TensorFlow's native library for ebb train --backend node (1.1 GB)")
    .option('--from <way>', 'with --native: download or wheel (default: the first, then the second)')
    .option('--minutes <n>', 'with --native: time limit of the download (default: 5)')
    .option('--remove', 'with --native: delete the library')
    .option('--prune', "remove onnxruntime's libraries of other platforms")
    .addHelpText('after', examples)
    .action(setup);
}
