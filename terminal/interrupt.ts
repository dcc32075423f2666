/**
 * A second signal so soon belongs to the first: Ctrl-C reaches a verb's children from the terminal, and again from the verb itself.
 */
const samePressMs = 500;

/**
 * An AbortSignal that fires at the first SIGINT or SIGTERM, so that a verb can end in order.
 * A further signal ends the process at once with the conventional status 128 + signal number.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const statuses = { SIGINT: 130, SIGTERM: 143 } as const;
  let firstMs = 0;
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (!controller.signal.aborted) {
        firstMs = performance.now();
        process.exitCode = statuses[name];
        controller.abort(new Error(`stopped by ${name}`));
      } else if (performance.now() - firstMs > samePressMs) process.exit(statuses[name]);
    });
  }
  return controller.signal;
}
