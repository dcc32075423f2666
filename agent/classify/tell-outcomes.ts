import { loadDecoder } from '../../bundle/image/decode-image.ts';
import type { Manifest } from '../../bundle/manifest.ts';
import { snakeJson } from '../../terminal/snake-json.ts';
import type { Logger } from '../../wire/link/logger.ts';
import type { Agent } from '../agent.ts';
import { type Classified, classifyFiles } from './classify-files.ts';
import { imageReader } from './image-input.ts';
import { readNames } from './read-names.ts';
import { watchFolder } from './watch-folder.ts';

export type ImageSource = {
  watch?: string;
  stdin?: boolean;
  /** Names on standard input end with NUL. */
  null?: boolean;
};

/** Columns that do not jump: label, confidence, level, time, file. */
function formatOutcome(outcome: Classified, widest: number): string {
  if ('error' in outcome) return `${'-'.padEnd(widest)}  ${outcome.file}: ${outcome.error}`;
  const { label, confidence, level, latencyMs, file } = outcome;
  const columns = [
    label.padEnd(widest),
    `${(100 * confidence).toFixed(0)}%`.padStart(4),
    `level ${level}`,
    `${latencyMs.toFixed(1)} ms`.padStart(9),
    file,
  ];
  return columns.join('  ');
}

/**
 * Classifies the images of a folder as they arrive, or of a list of names, and prints an outcome a line.
 * @returns how many were classified and how many failed, once the source has ended.
 */
export async function tellOutcomes(options: {
  agent: Pick<Agent, 'infer'>;
  manifest: Manifest;
  source: ImageSource;
  isJson: boolean;
  signal: AbortSignal;
  log: Logger;
  write?: (text: string) => void;
}): Promise<{ classified: number; failed: number }> {
  const {
    agent,
    manifest,
    source,
    isJson,
    signal,
    log,
    write = (text) => process.stdout.write(text),
  } = options;
  const read = imageReader(manifest, await loadDecoder());
  const widest = Math.max(...manifest.labels.map((label) => label.length));
  return classifyFiles({
    files:
      source.watch === undefined
        ? readNames(process.stdin, signal, {
            nul: source.null ?? false,
            onNote: (line) => process.stderr.write(`ebb run: ${line}\n`),
          })
        : watchFolder(source.watch, { signal, log }),
    agent,
    read,
    labels: manifest.labels,
    tell: (outcome) =>
      write(`${isJson ? snakeJson({ event: 'classified', ...outcome }) : formatOutcome(outcome, widest)}\n`),
  });
}
