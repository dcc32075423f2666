/** The user called a verb in a way it cannot be called; `cli.ts` turns it into exit status 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}
