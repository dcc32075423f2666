#!/usr/bin/env node
import { describeError, main } from './command-line.ts';
import { silenceTelemetry } from './engine/ort/silence-telemetry.ts';
import { listenForInterrupts } from './terminal/interrupt.ts';
import { speakPlainly } from './terminal/plain-issues.ts';

/** How long a process may last after its verb has ended. */
const lingerMs = 500;

// A reader that has seen enough, such as `head`, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

/** What an error outside of all promises comes to: a sentence, as for any other, and status 1. */
function fail(error: unknown): void {
  process.stderr.write(`ebb: ${describeError(error)}\n`);
  if (process.env.EBB_STACK && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exit(process.exitCode || 1);
}
process.on('uncaughtException', fail);

listenForInterrupts();
speakPlainly();
// Before any library is loaded; who uses ebb as a library decides that himself.
silenceTelemetry();
const status = await main(process.argv.slice(2));
process.exitCode = process.exitCode || status;
endSoon();

/** Whatever a verb has left open must not keep the process; but output that a slow reader has not taken yet is waited for. */
function endSoon(): void {
  setTimeout(() => {
    if (process.stdout.writableLength > 0 || process.stderr.writableLength > 0) endSoon();
    else process.exit();
  }, lingerMs).unref();
}
