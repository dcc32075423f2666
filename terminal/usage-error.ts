/** The user called a verb in a way it cannot be called; `cli.ts` turns it into exit status 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** What `check` returns; what it throws becomes a UsageError with the same message. */
export function asUsage<T>(check: () => T): T {
  try {
    return check();
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
