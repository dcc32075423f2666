import { z } from 'zod';

/** What a value must be, by the name that the schema library has for it. */
const kinds: Record<string, string> = {
  number: 'a number',
  int: 'a whole number',
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object with named values',
  record: 'an object with named values',
  tuple: 'a list',
  null: 'null',
};

/** "above 0", "at least 1", "at most 5". */
function bound(issue: z.core.$ZodRawIssue<z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig>): string {
  if (issue.code === 'too_small')
    return issue.inclusive === false ? `above ${issue.minimum}` : `at least ${issue.minimum}`;
  return issue.inclusive === false ? `below ${issue.maximum}` : `at most ${issue.maximum}`;
}

/** The requirement that a value breaks, as the words behind "must"; undefined to leave the words to the schema. */
export function plainRequirement(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${kinds[issue.expected] ?? `a value of kind ${issue.expected}`}`;
    case 'too_small':
    case 'too_big':
      if (issue.origin === 'string') return `must have ${bound(issue)} characters`;
      if (issue.origin === 'array' || issue.origin === 'set') return `must have ${bound(issue)} entries`;
      return `must be a number ${issue.inclusive === false ? '' : 'of '}${bound(issue)}`;
    case 'invalid_value':
      return issue.values.length === 1
        ? `must be ${JSON.stringify(issue.values[0])}`
        : `must be one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'unrecognized_keys':
      return `must not have ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}`;
    default:
      return undefined;
  }
}

/** From now on schemas of this process say what is wrong in ebb's words. For the command line; a library leaves its host's settings alone. */
export function speakPlainly(): void {
  z.config({ customError: plainRequirement });
}
