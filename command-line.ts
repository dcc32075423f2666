import { Command, CommanderError } from 'commander';
import { ebbVersion } from './agent/package-version.ts';
import { describeCommandError, findCommand, refuseUnknownOptions } from './terminal/command-error.ts';
import { UsageError } from './terminal/usage-error.ts';

/** Every verb is one room's main; it is loaded only when it is called. */
export const verbs: Record<string, { summary: string; load: () => Promise<{ command(): Command }> }> = {
  train: {
    summary: 'train one network that holds several sparse sub-nets, and write it as a bundle',
    load: () => import('./trainer/train-command.ts'),
  },
  inspect: {
    summary: "show a bundle's levels as a table",
    load: () => import('./bundle/inspect-command.ts'),
  },
  eval: {
    summary: "count a bundle's right answers on a data set",
    load: () => import('./trainer/eval-command.ts'),
  },
  bundle: {
    summary: 'work on a bundle: add a level between two others, sign it',
    load: () => import('./trainer/bundle-command.ts'),
  },
  doctor: {
    summary: 'say what this machine has: sensors, engines, and the cure for what is missing',
    load: async () => {
      const { command } = await import('./agent/doctor-command.ts');
      const { examineBackends } = await import('./trainer/backend/examine-backends.ts');
      return { command: () => command(examineBackends) };
    },
  },
  calibrate: {
    summary: "measure every level's latency and memory on this machine",
    load: () => import('./agent/calibrate-command.ts'),
  },
  run: {
    summary: 'serve a bundle, at the most accurate level that meets the deadline',
    load: () => import('./agent/run-command.ts'),
  },
  fleet: {
    summary: 'watch many agents over MQTT',
    load: () => import('./fleet/fleet-command.ts'),
  },
  lab: {
    summary: 'stress a device and measure what adapting is worth',
    load: () => import('./lab/lab-command.ts'),
  },
  demo: {
    summary: 'all of it in about three minutes',
    load: () => import('./lab/demo/demo-command.ts'),
  },
};

export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  // "The operation was aborted" says less than why.
  if (error.name === 'AbortError' && cause instanceof Error) return cause.message;
  // Many a message ends with its cause's; a schema's is a list of everything that it found, of which the message has told the first.
  const tellsMore = cause instanceof Error && cause.name !== 'ZodError' && !message.includes(cause.message);
  return tellsMore ? `${message}\n  cause: ${cause.message.split('\n', 1)[0]}` : message;
}

/** Sub-commands too: wrong use of one would end the process with status 1. */
function inheritSettings(command: Command, from: Command): void {
  command.copyInheritedSettings(from);
  for (const child of command.commands) inheritSettings(child, command);
}

/** Runs one command line. Exit status: 0, 1 for failure, 2 for wrong use. */
export async function main(argv: string[]): Promise<number> {
  const program = new Command('ebb')
    .description('Inference that ebbs and flows with the machine it runs on.')
    .version(ebbVersion())
    // Told below, in ebb's words.
    .configureOutput({ outputError: () => {} })
    .exitOverride();
  const verb = argv[0] === 'help' ? argv[1] : argv[0];
  for (const [name, { summary, load }] of Object.entries(verbs)) {
    const command = name === verb ? (await load()).command() : new Command(name);
    program.addCommand(command.description(summary));
    inheritSettings(command, program);
  }
  const { command, path } = findCommand(program, argv);
  const name = ['ebb', ...path].join(' ');
  try {
    // An unknown verb says more than its options do.
    if (path.length > 0 || argv[0]?.startsWith('-')) refuseUnknownOptions(command, argv.slice(path.length));
    await program.parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      // Help that was not asked for has been printed.
      if (error.code !== 'commander.help')
        process.stderr.write(`${name}: ${describeCommandError(error, path)}\n`);
      return 2;
    }
    process.stderr.write(`${name}: ${describeError(error)}\n`);
    if (process.env.EBB_STACK && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}
