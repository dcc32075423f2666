import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { shippedProfiles } from '../../../agent/profile/find-profile.ts';
import { loadProfile, parseProfile } from '../../../agent/profile/load-profile.ts';
import { editDistance, nearestName } from '../../../agent/profile/nearest-name.ts';
import { applyFlags } from '../../../agent/profile-options.ts';
import { UsageError } from '../../../terminal/usage-error.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

const parse = (text: string) => parseProfile(text, { name: 'test' });

describe('parseProfile()', () => {
  it('fills in defaults and freezes the result', () => {
    const profile = parse('deadline_ms: 20\nhttp:\n  port: 0\n');
    expect(profile).toMatchObject({ name: 'test', deadlineMs: 20, goal: 0.99, dwellMs: 3000 });
    expect(profile.http).toMatchObject({ host: '127.0.0.1', port: 0 });
    expect(Object.isFrozen(profile) && Object.isFrozen(profile.http)).toBe(true);
    expect(parse('')).toMatchObject({ deadlineMs: 50 });
  });

  it('names every unknown key, its path and the nearest known one', () => {
    expect(() => parse('deadlin_ms: 20\nhttp:\n  prot: 1\n')).toThrow(
      /unknown key "http.prot"; did you mean "port"\?.*unknown key "deadlin_ms"; did you mean "deadline_ms"\?/,
    );
    expect(() => parse('http: { zzzzzzzzz: 1 }')).toThrow(/known here: host, port/);
  });

  it('names the key and the value that is out of range', () => {
    expect(() => parse('goal: 1')).toThrow(/key "goal" is wrong .*current value is 1$/);
    expect(() => parse('http: { port: 70000 }')).toThrow(/"http.port".*70000/);
    expect(() => parse('report: { fleet: "a/b" }')).toThrow(/"report.fleet"/);
    expect(() => parse('sensors: [cpu, gpuu]')).toThrow(/"sensors.1"/);
  });

  it('refuses text that is no map', () => {
    for (const text of ['- 1', 'just text', 'a: [', '12'])
      expect(() => parse(text)).toThrow(/Cannot read profile/);
  });
});

describe('loadProfile()', () => {
  it('loads every profile that comes with ebb', async () => {
    const names = await shippedProfiles();
    expect(names).toContain('x86');
    for (const name of names) expect((await loadProfile(name)).name).toBe(name);
  });

  it('refuses an unknown name as wrong use and names the nearest', async () => {
    await expect(loadProfile('raspberry-pi-6')).rejects.toThrow(/did you mean "raspberry-pi-/);
    await expect(loadProfile('raspberry-pi-6')).rejects.toBeInstanceOf(UsageError);
  });

  it('reads a file by its path, and says why it cannot', async () => {
    const dir = await temporaryFolder();
    await writeFile(join(dir, 'mine.yaml'), 'deadline_ms: 7\n');
    expect((await loadProfile(join(dir, 'mine.yaml'))).deadlineMs).toBe(7);
    await expect(loadProfile(join(dir, 'none.yaml'))).rejects.toThrow(/ENOENT/);
    await expect(loadProfile(`${dir}/`)).rejects.toThrow(/not a file/);
  });
});

describe('nearestName()', () => {
  it('counts edits', () => {
    expect(editDistance('kitten', 'sitting')).toBe(3);
    expect(editDistance('', 'abc')).toBe(3);
  });

  it('finds the nearest, or none that is near', () => {
    expect(nearestName('dwel', ['dwell_s', 'goal'])).toBe('dwell_s');
    expect(nearestName('completely', ['a', 'goal'])).toBeUndefined();
  });
});

describe('flags', () => {
  it('take precedence over the profile', () => {
    const profile = applyFlags(parse(''), {
      http: '0',
      policy: 'fixed',
      level: 2,
      deadlineMs: 9,
      broker: 'mqtt://localhost',
      batch: 4,
    });
    expect(profile).toMatchObject({ policy: 'fixed', level: 2, deadlineMs: 9 });
    expect(profile.http).toMatchObject({ host: '127.0.0.1', port: 0 });
    expect(profile.report.broker).toBe('mqtt://localhost');
    expect(profile.calibration.batch).toBe(4);
    expect(applyFlags(parse('http: { host: "[::1]" }'), { http: '80' }).http).toMatchObject({
      host: '::1',
      port: 80,
    });
  });

  it('that cannot be used are wrong use', () => {
    const profile = parse('');
    for (const flags of [
      { http: 'localhost' },
      { http: 'a:99999' },
      { broker: 'http://x' },
      { device: 'a/b' },
      { level: 1 },
      { deadlineMs: 3_600_001 },
    ])
      expect(() => applyFlags(profile, flags)).toThrow(UsageError);
  });
});
