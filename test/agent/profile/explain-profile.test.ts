import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { explainCommand } from '../../../agent/explain-command.ts';
import { type ExplainedKey, hidePassword } from '../../../agent/profile/explain-profile.ts';
import { shippedProfiles } from '../../../agent/profile/find-profile.ts';
import { profileJsonSchema, profileKeys } from '../../../agent/profile/profile-keys.ts';
import { profileSchema } from '../../../agent/profile/schema.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

async function explain(
  name: string | undefined,
  options: Partial<Parameters<typeof explainCommand>[1]> = {},
) {
  const text = await explainCommand(name, { flags: {}, env: {}, ...options, json: true });
  const { files, keys } = JSON.parse(text) as {
    files: string[];
    keys: (ExplainedKey & { is_set: boolean })[];
  };
  return { text, files, keys, key: (path: string) => keys.find(({ key }) => key === path)! };
}

describe('the schema', () => {
  it('has a description for every key', () => {
    for (const { path, description } of profileKeys) expect(description, path).toMatch(/^.{8,}\.$/s);
  });

  it('lists every key at every depth', () => {
    const paths = profileKeys.map(({ path }) => path);
    for (const [name, part] of Object.entries(profileSchema.shape)) {
      expect(paths).toContain(name);
      const inner = (part as { unwrap?: () => { shape?: object } }).unwrap?.().shape ?? {};
      for (const below of Object.keys(inner)) expect(paths).toContain(`${name}.${below}`);
    }
    expect(paths).toContain('readings[].every_s');
  });

  it('is a JSON Schema for editors, which knows descriptions, defaults, and that other keys are wrong', () => {
    expect(profileJsonSchema()).toMatchObject({
      $schema: expect.stringMatching(/2020-12/),
      additionalProperties: false,
      properties: {
        deadline_ms: { type: 'number', default: 50, description: expect.any(String) },
        http: { additionalProperties: false, properties: { port: { maximum: 65535 } } },
      },
    });
  });
});

describe('--explain-profile', () => {
  it('shows every key of the schema, with type, default, value and meaning, in 80 columns', async () => {
    for (const name of [undefined, ...(await shippedProfiles())]) {
      const text = await explainCommand(name, { flags: {}, json: false, env: {} });
      const lines = text.split('\n');
      for (const { path, type } of profileKeys) {
        const line = lines.findIndex((one) => one === path || one.startsWith(`${path} = `));
        expect(line, path).toBeGreaterThan(0);
        if (type !== 'a map') expect(lines.slice(line, line + 5).join(' ')).toContain(type.slice(0, 40));
      }
      expect(lines.filter((line) => line.length > 80)).toEqual([]);
      expect((await explain(name)).keys.map(({ key }) => key)).toEqual(profileKeys.map(({ path }) => path));
    }
  });

  it('tells the file that a value comes from, the flag, or that it is the default', async () => {
    const { key, files } = await explain('jetson-agx-orin', {
      flags: { goal: 1, deadlineMs: 7, http: '9090' } as never,
    });
    expect(files).toEqual(['profiles/jetson-agx-orin.yaml', 'profiles/jetson.yaml']);
    expect(key('engine.threads')).toMatchObject({ value: 4, default: 1, restart: true });
    expect(key('engine.threads').from).toMatch(/^profiles\/jetson-agx-orin\.yaml:\d+$/);
    expect(key('confirmations').from).toMatch(/^profiles\/jetson\.yaml:\d+$/);
    expect(key('deadline_ms')).toMatchObject({ value: 7, from: '--deadline-ms' });
    expect(key('http.port')).toMatchObject({ value: 9090, from: '--http' });
    expect(key('policy')).toMatchObject({ value: 'deadline', from: null });
    expect((await explain('container')).key('guards.battery_reserve')).toMatchObject({
      value: null,
      from: expect.stringMatching(/container/),
    });
  });

  it('never shows what the environment holds, nor a password that stands in a URL', async () => {
    const file = join(await temporaryFolder(), 'p.yaml');
    await writeFile(
      file,
      [
        `report: { broker: "mqtts://ebb:\${SECRET}@broker", fleet: "\${SECRET}", device: "\${NONE:-here}" }`,
        `readings: [{ name: a, unit: w, command: [ask, "\${SECRET}", "http://u:plain@x"] }]`,
      ].join('\n'),
    );
    const env = { SECRET: 'hunter2-hunter2' };
    const { text, key } = await explain(file, { env });
    const plain = await explainCommand(file, { flags: {}, json: false, env });
    for (const shown of [text, plain]) expect(shown).not.toMatch(/hunter2|plain/);
    expect(key('report.broker')).toMatchObject({
      value: `mqtts://ebb:\${SECRET}@broker`,
      variables: [{ name: 'SECRET', is_set: true }],
    });
    expect(key('report.device').variables).toEqual([{ name: 'NONE', is_set: false }]);
    expect(plain).toMatch(/SECRET is set/);
    const flagged = await explain(undefined, { flags: { broker: 'mqtt://u:hunter2@x' } });
    expect(flagged.key('report.broker')).toMatchObject({ value: 'mqtt://u:***@x', from: '--broker' });
  });

  it('refuses a profile that is wrong', async () => {
    await expect(explain('x68')).rejects.toThrow(/did you mean "x86"/);
  });
});

it('hidePassword() leaves user, host and variables', () => {
  expect(hidePassword('mqtt://u:p@h:1/x')).toBe('mqtt://u:***@h:1/x');
  expect(hidePassword('mqtt://u:p@q@h')).toBe('mqtt://u:***@h');
  expect(hidePassword(`mqtt://u:\${P}@h`)).toBe(`mqtt://u:\${P}@h`);
  expect(hidePassword(`mqtt://u:\${P:-x}@h`)).toBe('mqtt://u:***@h');
  expect(hidePassword('mqtt://h:1883 a@b')).toBe('mqtt://h:1883 a@b');
});
