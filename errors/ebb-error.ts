/** What each code means. Codes are stable: a program may compare them, while messages may change. */
export const errorCodes = {
  EBB_INVALID_ARGUMENT: 'An argument or option is missing, unknown, of the wrong type or out of range.',
  EBB_INVALID_INPUT: 'The input is no Float32Array, has the wrong length, or holds NaN or an infinity.',
  EBB_UNKNOWN_LEVEL: 'The bundle has no such level.',
  EBB_ACCURACY_UNREACHABLE: 'No level, or not the requested one, is known to reach `minAccuracy`.',
  EBB_BUNDLE_UNREADABLE: 'The folder, the manifest or a model file is missing or cannot be read.',
  EBB_BUNDLE_INVALID:
    'The manifest breaks its schema, or the folder holds a file that is not in the manifest.',
  EBB_BUNDLE_CHECKSUM: "A model file does not have the manifest's size or SHA-256.",
  EBB_BUNDLE_SIGNATURE: 'The bundle is not signed with the required key, or that key cannot be read.',
  EBB_BUNDLE_INCOMPATIBLE: 'The new bundle has another name, input or output than the one it should replace.',
  EBB_PROFILE: 'The profile does not exist, or is wrong.',
  EBB_DEADLINE_PASSED: 'The answer would have come after the deadline, so the request was not run.',
  EBB_QUEUE_FULL: 'As many requests are waiting as `http.max_queue` of the profile allows.',
  EBB_NOT_READY: 'The agent has not started yet, or is busy with another reload: try again later.',
  EBB_CLOSED: 'The agent or engine was closed.',
  EBB_ENGINE_ENDED: 'The inference thread crashed or hung. An agent replaces it: send the request again.',
  EBB_ENGINE_UNAVAILABLE: 'No engine or execution provider can open the bundle on this machine.',
  EBB_FAILED: 'Anything else, such as a port that is in use; `cause` holds the original error.',
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** Base of all errors that ebb's public functions throw or reject with. */
export class EbbError extends Error {
  override name = 'EbbError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** An argument, an option or an input that cannot be used. */
export class ArgumentError extends EbbError {
  override name = 'ArgumentError';
}

/** `error` itself if it has a code, else an `EbbError` with the same message and `error` as its cause. */
export function withCode(error: unknown, code: ErrorCode): EbbError {
  if (error instanceof EbbError) return error;
  return new EbbError(code, error instanceof Error ? error.message : String(error), { cause: error });
}
