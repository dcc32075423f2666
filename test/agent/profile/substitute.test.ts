import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseProfile } from '../../../agent/profile/load-profile.ts';
import { parseSource } from '../../../agent/profile/parse-source.ts';
import { toPlain } from '../../../agent/profile/sourced.ts';
import { substitute } from '../../../agent/profile/substitute.ts';

/** `env` in a profile's name, which may be any text. */
function fill(text: string, env: NodeJS.ProcessEnv): unknown {
  const tree = substitute(parseSource(`name: ${JSON.stringify(text)}`, 'x.yaml'), env);
  return (toPlain(tree) as { name: string }).name;
}

const secret = 'hunter2-hunter2';
const messageOf = (parse: () => unknown) => {
  try {
    parse();
  } catch (error) {
    return String(error);
  }
  throw new Error('it was taken');
};

describe('substitute()', () => {
  it('puts in variables and defaults, and "$$" makes a brace plain', () => {
    const env = { USER_: 'u', EMPTY: '' };
    const cases: [string, string][] = [
      [`a-\${USER_}-\${USER_}`, 'a-u-u'],
      [`\${NONE:-d:-e}`, 'd:-e'],
      [`\${NONE:-}`, ''],
      [`\${EMPTY:-d}`, 'd'],
      [`\${EMPTY}`, ''],
      [`$\${USER_}`, `\${USER_}`],
      [`$$\${USER_}`, `$\${USER_}`],
      ['$USER_ costs $5 $', '$USER_ costs $5 $'],
    ];
    for (const [text, filled] of cases) expect(fill(text, env), text).toBe(filled);
  });

  it('does not look again at what it put in, nor into prototypes', () => {
    expect(fill(`\${A}`, { A: `\${B} $&`, B: 'b' })).toBe(`\${B} $&`);
    expect(messageOf(() => fill(`\${constructor}`, {}))).toMatch(/variable constructor, which is not set/);
  });

  it('names key and variable where one is not set, and what is no variable', () => {
    const text = `report:\n  broker: mqtt://\${HOST}\nreadings:\n  - { name: a, unit: w, command: [x, "\${TOKEN}", "\${}"] }\n`;
    expect(messageOf(() => parseProfile(text, { name: 'p', env: {} }))).toMatch(
      /p:2:3: key "report\.broker" needs the environment variable HOST.*"readings\.0\.command\.1" needs .* TOKEN.*neither/,
    );
  });

  it('asks for no variable of a key that another profile replaces, nor of "extends"', () => {
    expect(parseProfile(`report: { broker: ~ }`, { name: 'p', env: {} }).report.broker).toBeUndefined();
    expect(messageOf(() => parseProfile(`extends: "\${X}"`, { name: 'p', env: {} }))).toMatch(
      /cannot extend/,
    );
  });

  it('makes texts alone, and never tells a value', () => {
    const env = { PORT: '8080', SECRET: secret };
    const wrong = [`http: { port: "\${PORT}" }`, `policy: "\${SECRET}"`, `report: { fleet: "a/\${SECRET}" }`];
    for (const text of wrong) {
      const message = messageOf(() => parseProfile(text, { name: 'p', env }));
      expect(message).toMatch(/is always a text: current value is ".*\$\{/);
      expect(message).not.toMatch(/hunter|8080/);
    }
    const broker = `report: { broker: "mqtts://ebb:\${SECRET}@broker" }`;
    expect(parseProfile(broker, { name: 'p', env }).report.broker).toBe(`mqtts://ebb:${secret}@broker`);
  });

  it('leaves text without "${" as it is, whatever the environment', () => {
    fc.assert(
      fc.property(fc.string(), fc.dictionary(fc.string(), fc.string()), (text, env) => {
        fc.pre(!text.includes('${'));
        expect(fill(text, env)).toBe(text);
      }),
    );
  });
});
