import type { Command, CommanderError } from 'commander';

/** The command that a command line names, and its words up to there: `["lab", "bench", "loop"]`. */
export function findCommand(program: Command, argv: readonly string[]): { command: Command; path: string[] } {
  let command = program;
  const path: string[] = [];
  for (const word of argv) {
    const child = command.commands.find((one) => one.name() === word);
    if (child === undefined) break;
    command = child;
    path.push(word);
  }
  return { command, path };
}

/**
 * Refuses an option that there is not, before anything else is looked at: who mistypes `--levels` is not helped by hearing that another
 * option is missing.
 */
export function refuseUnknownOptions(command: Command, words: readonly string[]): void {
  const help = command as unknown as { unknownOption(flag: string): never };
  for (let at = 0; at < words.length && words[at] !== '--'; at += 1) {
    const word = words[at];
    if (!/^--?[A-Za-z]/.test(word)) continue;
    const [flag] = word.split('=', 1);
    if (flag === '--help' || flag === '-h' || flag === '--version' || flag === '-V') continue;
    const option = command.options.find(({ short, long }) => flag === long || flag === short);
    if (option === undefined) help.unknownOption(flag);
    // Its value may look like an option.
    if (option?.required && !word.includes('=')) at += 1;
  }
}

const withStop = (text: string) => text.replace(/\.$/, '');

/**
 * What is wrong with a command line, in ebb's words: what cannot be done, what must be, what is, and the cure.
 * @param path the command's words, such as `["lab", "record"]`.
 */
export function describeCommandError({ code, message }: CommanderError, path: readonly string[]): string {
  const text = message.replace(/^error: /, '');
  const near = /\(Did you mean (?:one of )?([^?]*)\?\)/.exec(text)?.[1];
  const see = `see "${['ebb', ...path].join(' ')} --help"`;
  const cure = near === undefined ? see : `did you mean ${near}? Else ${see}`;
  const [quoted = ''] = /(?<=')[^']*(?=')/.exec(text) ?? [];
  const flag = quoted.split(/[ ,]/).find((word) => word.startsWith('--')) ?? quoted;
  switch (code) {
    case 'commander.unknownOption':
      return `Cannot take ${quoted} as there is no such option: ${cure}`;
    case 'commander.unknownCommand':
      return `Cannot find "${quoted}" as there is no such command: ${cure}`;
    case 'commander.missingMandatoryOptionValue':
      return `Cannot begin as ${flag} must be given: ${see}`;
    case 'commander.missingArgument':
      return `Cannot begin as <${quoted}> must be given: ${see}`;
    case 'commander.optionMissingArgument':
      return `Cannot take ${flag} as it must have a value: there is none; ${see}`;
    case 'commander.excessArguments':
      return `Cannot begin as there are too many words: ${withStop(text.split('. ')[1] ?? text).toLowerCase()}; ${see}`;
    case 'commander.invalidArgument': {
      const [, name = '', value = '', why = ''] =
        /^(?:option|command-argument value) '([^']*)'(?: argument)? '(.*)' is invalid\.?(.*)$/s.exec(text) ??
        [];
      const long = name.split(/[ ,]/).find((word) => word.startsWith('--')) ?? name;
      const must = withStop(why.trim())
        .replace(/^It must/, 'must')
        .replace(/^Allowed choices are (.*)$/, 'must be one of $1');
      return `Cannot use ${long} as it ${must}: current value is ${JSON.stringify(value)}`;
    }
    default:
      return text;
  }
}
