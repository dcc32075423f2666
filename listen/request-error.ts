import { EbbError, type ErrorCode } from '../errors/ebb-error.ts';

/** What a status means to a program that calls the library, if the error names no code of its own. */
const codeOfStatus: Partial<Record<number, ErrorCode>> = { 503: 'EBB_NOT_READY' };

/**
 * A request that cannot be answered: what the client is told, and the HTTP status that goes with it. It has no stack: whose fault it is stands in
 * the message, and an agent that refuses thousands a second would spend more on their stacks than on all else.
 */
export class RequestError extends EbbError {
  override name = 'RequestError';
  readonly status: 400 | 401 | 404 | 408 | 413 | 415 | 503;

  constructor(
    status: RequestError['status'],
    message: string,
    { code, ...options }: ErrorOptions & { code?: ErrorCode } = {},
  ) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(code ?? codeOfStatus[status] ?? 'EBB_INVALID_ARGUMENT', message, options);
    Error.stackTraceLimit = stackTraceLimit;
    this.status = status;
  }
}

/** A client's value, short enough for a message: text and numbers as they are, the rest by its kind. */
export function showValue(value: unknown): string {
  if (Array.isArray(value)) {
    const plain = value.length <= 8 && value.every((entry) => ['number', 'string'].includes(typeof entry));
    return plain ? JSON.stringify(value).slice(0, 120) : `an array of ${value.length}`;
  }
  if (typeof value === 'object' && value !== null) return 'an object';
  return value === undefined ? 'absent' : JSON.stringify(value).slice(0, 120);
}
