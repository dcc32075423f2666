import { types } from 'node:util';
import { ArgumentError } from './ebb-error.ts';

/** A value, short enough for a message. */
export function showArgument(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} of ${value.byteLength} bytes`;
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 100));
  return typeof value === 'function' ? 'a function' : String(value);
}

function refuse(action: string, what: string, requirement: string, value: unknown): never {
  throw new ArgumentError(
    'EBB_INVALID_ARGUMENT',
    `Cannot ${action} as ${what} must be ${requirement}: current value is ${showArgument(value)}`,
  );
}

/**
 * @param action what was to be done, for the message: `Cannot <action> as ...`.
 * @throws ArgumentError if `options` is no object, or has a key that is not in `known`.
 */
export function requireOptions(
  action: string,
  options: unknown,
  known: readonly string[],
): Record<string, unknown> {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    refuse(action, 'the options', 'an object', options);
  const stranger = Object.keys(options).find((key) => !known.includes(key));
  if (stranger !== undefined)
    throw new ArgumentError(
      'EBB_INVALID_ARGUMENT',
      `Cannot ${action} as there is no option ${showArgument(stranger)}: known are ${known.join(', ')}`,
    );
  return options as Record<string, unknown>;
}

/** @throws ArgumentError unless `value` is a whole number from `least` to `most`. */
export function requireInteger(
  action: string,
  what: string,
  value: unknown,
  [least, most]: [least: number, most: number],
): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  return refuse(action, what, `a whole number from ${least} to ${most}`, value);
}

/** @throws ArgumentError unless `value` is above 0 and at most `most`. */
export function requirePositive(action: string, what: string, value: unknown, most: number): number {
  if (typeof value === 'number' && value > 0 && value <= most) return value;
  return refuse(action, what, `above 0 and at most ${most}`, value);
}

/** @throws ArgumentError unless `value` is a number from 0 to 1. */
export function requireShare(action: string, what: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value <= 1) return value;
  return refuse(action, what, 'a number from 0 to 1', value);
}

/** @throws ArgumentError unless `value` is one of `names`. */
export function requireName<Name extends string>(
  action: string,
  what: string,
  value: unknown,
  names: readonly Name[],
): Name {
  const found = names.find((name) => name === value);
  return found ?? refuse(action, what, `one of ${names.join(', ')}`, value);
}

/** @throws ArgumentError `EBB_UNKNOWN_LEVEL` unless `level` is one of `count` levels. */
export function requireLevel(action: string, level: unknown, count: number): number {
  if (typeof level === 'number' && Number.isInteger(level) && level >= 0 && level < count) return level;
  throw new ArgumentError(
    'EBB_UNKNOWN_LEVEL',
    `Cannot ${action} as the level must be 0 to ${count - 1}: current value is ${showArgument(level)}`,
  );
}

/**
 * @param size numbers of one input.
 * @throws ArgumentError `EBB_INVALID_INPUT` unless `input` holds `batch` inputs of finite float32 numbers.
 */
export function requireInput(action: string, input: unknown, batch: number, size: number): Float32Array {
  const wrong = (requirement: string, value: string): never => {
    throw new ArgumentError(
      'EBB_INVALID_INPUT',
      `Cannot ${action} as the input must ${requirement}: current value is ${value}`,
    );
  };
  if (!types.isFloat32Array(input)) return wrong('be a Float32Array', showArgument(input));
  if (input.length !== batch * size)
    return wrong(`hold ${size} numbers for each of ${batch} inputs`, String(input.length));
  // A plain loop: `every` takes several times as long, and every number of every request comes this way.
  for (let index = 0; index < input.length; index += 1)
    if (!Number.isFinite(input[index]))
      return wrong('hold finite numbers', `${input[index]} at index ${index}`);
  return input;
}
