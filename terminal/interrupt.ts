/**
 * An AbortSignal that fires at the first SIGINT or SIGTERM, so that a verb can end in order.
 * A second signal ends the process at once with the conventional status 128 + signal number.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const statuses = { SIGINT: 130, SIGTERM: 143 } as const;
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(statuses[name]);
      process.exitCode = statuses[name];
      controller.abort(new Error(`stopped by ${name}`));
    });
  }
  return controller.signal;
}
