import { execFile } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shippedProfiles } from '../../../agent/profile/find-profile.ts';
import { loadProfile, openProfile } from '../../../agent/profile/load-profile.ts';
import { parseSource } from '../../../agent/profile/parse-source.ts';
import { mergeMaps, type SourcedMap, toPlain } from '../../../agent/profile/sourced.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

/** Writes files into a new folder; `load` loads one of them, with the folder's name taken out of messages. */
async function profiles(files: Record<string, string>) {
  const dir = await temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(dir, name, '..'), { recursive: true });
    await writeFile(join(dir, name), text);
  }
  const load = (name: string) =>
    loadProfile(join(dir, name)).catch((error: Error) => {
      throw new Error(error.message.replaceAll(`${dir}/`, ''));
    });
  return { dir, load };
}

describe('"extends"', () => {
  it('merges maps at every depth, replaces lists, and lets the child have the last word', async () => {
    const { load } = await profiles({
      'base.yaml': 'deadline_ms: 20\nsensors: [cpu, psi]\nhttp: { port: 1, max_queue: 7 }\nname: base\n',
      'mine.yaml': 'extends: base.yaml\nsensors: [memory]\nhttp: { port: 2 }\n',
    });
    const profile = await load('mine.yaml');
    expect(profile).toMatchObject({ deadlineMs: 20, sensors: ['memory'], http: { port: 2, maxQueue: 7 } });
    expect(profile.name).toMatch(/mine\.yaml$/);
  });

  it('takes names of shipped profiles, and paths relative to the file that holds them', async () => {
    const { load } = await profiles({
      'a.yaml': 'extends: deep/b.yaml\n',
      'deep/b.yaml': 'extends: ../c.yml\ngoal: 0.9\n',
      'c.yml': 'extends: jetson-agx-orin\nconfirmations: 9\n',
    });
    expect(await load('a.yaml')).toMatchObject({
      goal: 0.9,
      confirmations: 9,
      deadlineMs: 33,
      engine: { threads: 4 },
    });
  });

  it('"~" takes a key of a parent away, and an empty key is a mistake', async () => {
    const { load } = await profiles({
      'base.yaml': 'goal: 0.5\nguards: { max_temp_c: 70, min_memory_mib: 9 }\n',
      'mine.yaml': 'extends: base.yaml\ngoal: ~\nguards:\n  max_temp_c: null\n',
      'empty.yaml': 'extends: base.yaml\nguards:\n#  max_temp_c: 70\ngoal: 0.9\n',
      'section.yaml': 'extends: base.yaml\nguards: ~\n',
    });
    const { goal, guards } = await load('mine.yaml');
    expect([goal, guards]).toEqual([0.99, { minMemoryBytes: 9 * 2 ** 20 }]);
    await expect(load('empty.yaml')).rejects.toThrow(/empty\.yaml:2:1: key "guards" has no value/);
    await expect(load('section.yaml')).rejects.toThrow(/section\.yaml:2:1: key "guards" is wrong/);
  });

  it('refuses cycles, too long chains and absent parents, and names the whole chain', async () => {
    const long = Object.fromEntries(
      Array.from({ length: 9 }, (_, i) => [`${i}.yaml`, i < 8 ? `extends: ${i + 1}.yaml\n` : '']),
    );
    const { load } = await profiles({
      ...long,
      'a.yaml': 'extends: b.yaml\n',
      'b.yaml': 'extends: ./a.yaml\n',
      'self.yaml': 'extends: self.yaml\n',
      'lost.yaml': 'extends: nowhere.yaml\n',
      'typo.yaml': 'extends: raspbery-pi-4\n',
      'list.yaml': 'extends: [x86, container]\n',
      'broken.yaml': 'extends: half.yaml\n',
      'half.yaml': 'goal: [1,\n',
    });
    const cases: [string, RegExp][] = [
      ['a.yaml', /profile "a\.yaml" -> "b\.yaml" -> "a\.yaml": a profile must not extend itself/],
      ['self.yaml', /profile "self\.yaml" -> "self\.yaml": a profile must not extend itself/],
      ['0.yaml', /"0\.yaml" -> .* -> "8\.yaml": at most 8 profiles may extend one another/],
      ['lost.yaml', /profile "lost\.yaml" -> "nowhere\.yaml": ENOENT/],
      ['typo.yaml', /profile "typo\.yaml" -> "raspbery-pi-4": .*did you mean "raspberry-pi-4"/],
      ['list.yaml', /list\.yaml:1:1: key "extends" must be one name or path/],
      ['broken.yaml', /profile "broken\.yaml" -> "half\.yaml": it must be YAML: half\.yaml:/],
    ];
    for (const [name, message] of cases) await expect(load(name), name).rejects.toThrow(message);
    expect(await load('1.yaml')).toMatchObject({ deadlineMs: 50 });
  });

  it('names the file that holds a wrong key', async () => {
    const { load } = await profiles({
      'base.yaml': 'goal: 2\nhttp:\n  prot: 1\n  port: 70000\n',
      'mine.yaml': 'extends: base.yaml\nhttp: { max_queue: 0 }\nreadings:\n  - name: a\n    unt: w\n',
      'mended.yaml': 'extends: base.yaml\ngoal: 0.5\n',
    });
    const message = await load('mine.yaml').then(
      () => '',
      (error: Error) => error.message,
    );
    expect(message).toMatch(/base\.yaml:1:1: key "goal" is wrong/);
    expect(message).toMatch(/base\.yaml:3:3: unknown key "http\.prot"; did you mean "port"/);
    expect(message).toMatch(/base\.yaml:4:3: key "http\.port" is wrong .* 70000/);
    expect(message).toMatch(/mine\.yaml:2:9: key "http\.max_queue" is wrong/);
    expect(message).toMatch(/mine\.yaml:5:5: unknown key "readings\.0\.unt"; did you mean "unit"/);
    await expect(load('mended.yaml')).rejects.toThrow(/^(?!.*"goal").*base\.yaml:3:3/);
  });
});

describe('a profile file', () => {
  it('that is no YAML is refused with line and column', async () => {
    const { load } = await profiles({
      'twice.yaml': 'goal: 0.5\nlevel: 1\ngoal: 0.6\n',
      'two.yaml': 'goal: 0.5\n---\ngoal: 0.6\n',
      'tag.yaml': 'name: !!str 1\n',
      'odd.yaml': 'name: !secret x\n',
      'alias.yaml': 'http: &a { port: 1 }\nreport: *a\n',
      'deep.yaml': '['.repeat(100_000),
      'key.yaml': '? [a]\n: 1\n',
      'indent.yaml': 'http:\n  port: 1\n host: x\n',
    });
    const cases: [string, RegExp][] = [
      ['twice.yaml', /twice\.yaml:3:1: Map keys must be unique/],
      ['two.yaml', /two\.yaml:2:1: /],
      ['tag.yaml', /tag\.yaml:1:\d+: a profile has no tags/],
      ['odd.yaml', /odd\.yaml:1:7: Unresolved tag/],
      ['alias.yaml', /alias\.yaml:1:\d+: a profile has no anchors.*alias\.yaml:2:9: /],
      ['deep.yaml', /deep\.yaml:1:\d+: /],
      ['key.yaml', /key\.yaml:1:\d+: a key must be a word/],
      ['indent.yaml', /indent\.yaml:3:/],
    ];
    for (const [name, message] of cases) await expect(load(name), name).rejects.toThrow(message);
  });

  it('that is huge, binary or no file at all is refused', async () => {
    const { dir, load } = await profiles({
      'huge.yaml': `# ${'x'.repeat(256 * 1024)}`,
      'nul.yaml': 'goal: 0.5\0',
      'bom.yaml': '\ufeffgoal: 0.5\r\n',
    });
    await writeFile(join(dir, 'latin.yaml'), Buffer.from([0x6e, 0xe9, 0x3a]));
    await symlink('/dev/zero', join(dir, 'zero.yaml'));
    await promisify(execFile)('mkfifo', [join(dir, 'pipe.yaml')]);
    await expect(load('huge.yaml')).rejects.toThrow(/more than 262144 bytes/);
    await expect(load('nul.yaml')).rejects.toThrow(/text in UTF-8/);
    await expect(load('latin.yaml')).rejects.toThrow(/text in UTF-8/);
    await expect(load('zero.yaml')).rejects.toThrow(/not a file/);
    await expect(load('pipe.yaml')).rejects.toThrow(/not a file/);
    expect((await load('bom.yaml')).goal).toBe(0.5);
  });

  it('cannot reach a prototype', async () => {
    const { load } = await profiles({
      'top.yaml': '__proto__: { polluted: 1 }\n',
      'deep.yaml': 'http: { __proto__: { polluted: 1 }, constructor: { prototype: { polluted: 1 } } }\n',
      'child.yaml': 'extends: deep.yaml\nhttp: { __proto__: { polluted: 2 } }\n',
      'list.yaml': 'readings: [{ __proto__: { name: a, unit: w, file: /a } }]\n',
    });
    await expect(load('top.yaml')).rejects.toThrow(/unknown key "__proto__"/);
    await expect(load('deep.yaml')).rejects.toThrow(/unknown key "http\.__proto__".*"http\.constructor"/);
    await expect(load('child.yaml')).rejects.toThrow(/child\.yaml:2:9: unknown key "http\.__proto__"/);
    await expect(load('list.yaml')).rejects.toThrow(/unknown key "readings\.0\.__proto__"/);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});

describe('mergeMaps()', () => {
  const value = fc.oneof(
    fc.integer(),
    fc.string(),
    fc.constant(null),
    fc.array(fc.integer(), { maxLength: 3 }),
  );
  const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
  // As with a schema, a key holds a map in every tree, or in none.
  const section = fc.record({ a: maybe(value), ['__proto__']: maybe(value), c: maybe(value) });
  const plain = fc.record({ a: maybe(value), b: maybe(value), s: maybe(section), t: maybe(section) });
  const source = plain.map((one) =>
    parseSource(
      JSON.stringify(one, (_, entry) => entry),
      'x',
    ),
  );
  const merged = (...trees: SourcedMap[]) => toPlain(trees.reduce((below, above) => mergeMaps(below, above)));

  it('is associative, so that a chain may be folded from either end', () => {
    fc.assert(
      fc.property(source, source, source, (a, b, c) => {
        expect(merged(mergeMaps(a, b), c)).toEqual(merged(a, mergeMaps(b, c)));
      }),
    );
  });

  it('is idempotent, has the empty map as identity, and the child has the last word', () => {
    const empty = parseSource('', 'x');
    fc.assert(
      fc.property(source, source, (a, b) => {
        expect(merged(a, a)).toEqual(toPlain(a));
        expect(merged(a, b, b)).toEqual(merged(a, b));
        expect(merged(empty, a)).toEqual(toPlain(a));
        expect(merged(a, empty)).toEqual(toPlain(a));
        for (const key of ['a', 'b'])
          if (b.entries.has(key))
            expect(toPlain(mergeMaps(a, b).entries.get(key)!)).toEqual(toPlain(b.entries.get(key)!));
      }),
    );
  });
});

describe('profiles that come with ebb', () => {
  it('load, are called by their names, and protect the device', async () => {
    const names = await shippedProfiles();
    expect(names).toEqual(
      expect.arrayContaining([
        'raspberry-pi-4',
        'raspberry-pi-5',
        'jetson-nano',
        'jetson-xavier-nx',
        'jetson-orin-nano',
        'jetson-agx-orin',
        'x86',
        'container',
      ]),
    );
    for (const name of names) {
      const { profile, tree } = await openProfile(name);
      expect(profile.name).toBe(name);
      expect(Object.keys(profile.guards), name).not.toEqual([]);
      for (const key of ['deadline_ms', 'goal', 'sensors', 'engine', 'guards'])
        expect(tree.entries.has(key), `${key} of ${name}`).toBe(true);
    }
  });

  it('need nothing of the environment', async () => {
    for (const name of await shippedProfiles()) await loadProfile(name, { env: {} });
  });
});
