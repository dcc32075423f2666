import { mapTexts, type Sourced, showPlace } from './sourced.ts';

/** `$${`, `${NAME}`, `${NAME:-default}`, and what looks like one of them but is none. */
const pattern = /\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})?/g;

/** Names of the variables that a text asks for. */
export function variablesIn(text: string): string[] {
  return [...text.matchAll(pattern)].flatMap(([, name]) => (name === undefined ? [] : [name]));
}

/**
 * Puts environment variables into the texts of a profile: `${NAME}`; `${NAME:-default}` where it is unset or empty (as in POSIX shells); `$${` is a
 * plain `${`. What was put in is not looked at again, and a text stays a text.
 * @throws Error that names every key and its variable, never a value.
 */
export function substitute(tree: Sourced, env: NodeJS.ProcessEnv): Sourced {
  const mistakes: string[] = [];
  const result = mapTexts(tree, (text, at, path) => {
    // Which file it is must not hang on the environment.
    if (path[0] === 'extends') return text;
    const refuse = (why: string) => {
      mistakes.push(`${showPlace(at)}: key "${path.join('.')}" ${why}`);
      return '';
    };
    return text.replace(pattern, (all: string, name: string | undefined, otherwise: string | undefined) => {
      if (all === '$${') return '${';
      if (name === undefined)
        return refuse(
          `has a "\${" that is neither \${NAME} nor \${NAME:-default}; write "$\${" for a plain one`,
        );
      const value = Object.hasOwn(env, name) ? env[name] : undefined;
      if (otherwise !== undefined) return value === undefined || value === '' ? otherwise : value;
      return (
        value ??
        refuse(
          `needs the environment variable ${name}, which is not set; set it, or write \${${name}:-default}`,
        )
      );
    });
  });
  if (mistakes.length > 0) throw new Error(mistakes.join('; '));
  return result;
}
