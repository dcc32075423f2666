import { setImmediate } from 'node:timers/promises';

/**
 * A second signal so soon belongs to the first: Ctrl-C reaches a verb's children from the terminal, and again from the verb itself.
 */
const samePressMs = 500;

/** By then a verb has ended in order, or does not end: every file is written whole or not at all, so nothing is lost. */
const patienceMs = 1800;

/**
 * Lets signals and timers have their turn inside a long computation, and breaks it off once `signal` has fired.
 * @throws the signal's reason.
 */
export async function breathe(signal: AbortSignal | undefined): Promise<void> {
  await setImmediate();
  signal?.throwIfAborted();
}

const statuses = { SIGINT: 130, SIGTERM: 143 } as const;

const controller = new AbortController();
let isTaken = false;
let isListening = false;

/**
 * Ends the process in order at SIGINT or SIGTERM, with the conventional status 128 + signal number: at once while no verb has asked for
 * `interruptSignal`; else when the verb has ended, at a further signal, or after 1.8 s.
 */
export function listenForInterrupts(): void {
  if (isListening) return;
  isListening = true;
  let firstMs = 0;
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      const status = statuses[name];
      if (!isTaken) process.exit(status);
      if (!controller.signal.aborted) {
        firstMs = performance.now();
        process.exitCode = status;
        controller.abort(new Error(`stopped by ${name}`));
        setTimeout(() => process.exit(status), patienceMs).unref();
      } else if (performance.now() - firstMs > samePressMs) process.exit(status);
    });
  }
}

/** An AbortSignal that fires at the first SIGINT or SIGTERM: whoever asks for it ends in order within 1.8 s. */
export function interruptSignal(): AbortSignal {
  listenForInterrupts();
  isTaken = true;
  return controller.signal;
}
