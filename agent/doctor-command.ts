import { stat } from 'node:fs/promises';
import { Command } from 'commander';
import type { Finding } from '../terminal/finding.ts';
import { snakeJson } from '../terminal/snake-json.ts';
import { UsageError } from '../terminal/usage-error.ts';
import { examine } from './doctor/examine.ts';
import { formatExamination } from './doctor/format-examination.ts';

const examples = `
Examples:
  ebb doctor
  ebb doctor --json
  ebb doctor --root recorded/board     # a recorded tree: proc/, sys/, etc/, and commands/ with what they printed`;

/** The terminal's, within what is readable; 80 where it goes into a file. */
const lineWidth = () => Math.min(120, Math.max(60, process.stdout.columns ?? 80));

async function doctor(
  { root, json }: { root: string; json?: boolean },
  examineTrainers: () => Finding[] | Promise<Finding[]>,
): Promise<void> {
  const isFolder = await stat(root).then(
    (info) => info.isDirectory(),
    () => false,
  );
  if (!isFolder)
    throw new UsageError(`Cannot examine "${root}" as --root must be a folder that holds proc/ and sys/`);
  const found = await examine({ root, examineTrainers });
  process.stdout.write(json ? `${snakeJson(found, 2)}\n` : `${formatExamination(found, lineWidth())}\n`);
}

/** `examineTrainers` is the trainer's part: its room is out of the agent's reach. */
export function command(examineTrainers: () => Finding[] | Promise<Finding[]>): Command {
  return new Command('doctor')
    .option('--root <dir>', 'folder that holds proc/ and sys/', '/')
    .option('--json', 'print everything as one JSON object')
    .addHelpText('after', examples)
    .action((options: { root: string; json?: boolean }) => doctor(options, examineTrainers));
}
