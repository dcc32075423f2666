import { EbbError, type ErrorCode } from '../errors/ebb-error.ts';

/** The user called a verb in a way it cannot be called; `cli.ts` turns it into exit status 2. */
export class UsageError extends EbbError {
  override name = 'UsageError';

  constructor(message: string, { code, ...options }: ErrorOptions & { code?: ErrorCode } = {}) {
    super(code ?? 'EBB_INVALID_ARGUMENT', message, options);
  }
}

/** What `check` returns; what it throws becomes a UsageError with the same message. */
export function asUsage<T>(check: () => T): T {
  try {
    return check();
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
