import fc from 'fast-check';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { changeProfile, describeChange } from '../../../agent/profile/change-profile.ts';
import { parseProfile } from '../../../agent/profile/load-profile.ts';
import { toProfile, toProfileFile } from '../../../agent/profile/profile-file.ts';
import { createProfileInForce } from '../../../agent/profile/profile-in-force.ts';
import { type Profile, profileSchema } from '../../../agent/profile/schema.ts';

const parse = (text: string) => parseProfile(text, { name: 'test' });
const full = parse(`
deadline_ms: 20
goal: 0.9
accuracy_goal: 0.8
policy: fixed
level: 1
interval_ms: 100
dwell_s: 0.07
confirmations: 2
sensors: [cpu, memory]
readings:
  - { name: a, unit: w, command: [x, y], every_s: 5 }
  - { name: b, unit: w, file: /b, scale: 2 }
engine: { name: ort, threads: 2, providers: [cuda, cpu], hang_s: 9 }
guards: { max_temp_c: 70, min_memory_mib: 100, battery_reserve: 0.2 }
battery: { last_for: 8h, reserve: 10% }
bundle: { public_key: key.pem }
http: { host: 0.0.0.0, port: 1, token_file: t, max_body_bytes: 1, max_queue: 2, max_batch: 3, request_timeout_s: 4 }
report: { broker: "mqtts://x", fleet: f, device: d, ca_file: a, cert_file: c, key_file: k, interval_s: 0.3 }
calibration: { seconds: 1, batch: 2 }
`);
const plain = parse('');

describe('toProfileFile()', () => {
  it('is the other way round than toProfile(), for every key', () => {
    for (const profile of [full, plain]) {
      const file = toProfileFile(profile);
      expect(profileSchema.parse(file)).toEqual(file);
      expect(toProfile(file, 'other')).toEqual(profile);
    }
    const keys = Object.keys(profileSchema.shape).filter((key) => key !== 'extends');
    expect(Object.keys(toProfileFile(full)).sort()).toEqual(keys.sort());
  });

  it('keeps durations in the largest unit of which they are whole', () => {
    for (const text of ['8h', '90min', '36h', '2d', '1.5s'])
      expect(toProfileFile(parse(`battery: { last_for: ${text} }`)).battery?.last_for).toBe(text);
  });

  it('keeps seconds as they were written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3_600_000 }), (ms) => {
        expect(toProfileFile(parse(`dwell_s: ${ms / 1000}`)).dwell_s).toBe(ms / 1000);
      }),
    );
  });
});

describe('changeProfile()', () => {
  it('puts in force what can change at once, and says what needs a restart', () => {
    const { profile, atOnce, afterRestart } = changeProfile(plain, full);
    expect(profile).toMatchObject({
      deadlineMs: 20,
      policy: 'fixed',
      sensors: ['cpu', 'memory'],
      guards: full.guards,
      http: { host: '127.0.0.1', port: 8080, maxQueue: 2, maxBatch: 3, maxBodyBytes: 1 },
      report: { fleet: 'ebb', intervalMs: 300 },
      engine: plain.engine,
      calibration: plain.calibration,
    });
    expect(profile.report.broker).toBeUndefined();
    expect(atOnce).toEqual([
      'deadline_ms 50 -> 20',
      'goal 0.99 -> 0.9',
      'accuracy_goal none -> 0.8',
      'policy deadline -> fixed',
      'level 0 -> 1',
      'interval_ms 500 -> 100',
      'dwell_s 3 -> 0.07',
      'confirmations 4 -> 2',
      'sensors',
      'readings',
      'guards.max_temp_c none -> 70',
      'guards.min_memory_mib none -> 100',
      'guards.battery_reserve none -> 0.2',
      'battery.last_for',
      'battery.reserve',
      'http.max_body_bytes 16777216 -> 1',
      'http.max_queue 64 -> 2',
      'http.max_batch 64 -> 3',
      'report.interval_s 2 -> 0.3',
    ]);
    expect(afterRestart).toEqual([
      'engine.name auto -> ort',
      'engine.threads 1 -> 2',
      'engine.providers',
      'engine.hang_s 30 -> 9',
      'bundle.public_key',
      'http.host',
      'http.port 8080 -> 1',
      'http.token_file',
      'http.request_timeout_s 10 -> 4',
      'report.broker',
      'report.fleet',
      'report.device',
      'report.ca_file',
      'report.cert_file',
      'report.key_file',
      'calibration.seconds 4 -> 1',
      'calibration.batch 1 -> 2',
    ]);
  });

  it('tells no free text: it may hold a secret', () => {
    const text = describeChange(changeProfile(plain, parse('report: { broker: "mqtt://u:hunter2@x" }')));
    expect(text).toBe('needs a restart: report.broker');
  });

  it('changes nothing where nothing has changed, and a second time the same remains to be done', () => {
    expect(changeProfile(full, full)).toEqual({ profile: full, atOnce: [], afterRestart: [] });
    expect(describeChange(changeProfile(full, full))).toBe('the profile has not changed');
    const first = changeProfile(plain, full);
    const second = changeProfile(first.profile, full);
    expect(second).toEqual({ profile: first.profile, atOnce: [], afterRestart: first.afterRestart });
  });

  it('brings back what was', () => {
    expect(changeProfile(changeProfile(plain, full).profile, plain).profile).toEqual(plain);
  });
});

describe('the profile in force', () => {
  function setUp(load?: () => Promise<Profile>) {
    const inForce = createProfileInForce({
      profile: plain,
      load,
      check: ({ level }) => {
        if (level > 2) throw new Error('there is no such level');
      },
      log: pino({ level: 'silent' }),
    });
    const seen: number[][] = [];
    inForce.onChange((before) => seen.push([before.deadlineMs, inForce.read().deadlineMs]));
    return { inForce, seen };
  }

  it('tells its listeners of each change', async () => {
    const { inForce, seen } = setUp(async () => full);
    await inForce.reload();
    await inForce.reload();
    expect(seen).toEqual([
      [50, 20],
      [20, 20],
    ]);
  });

  it('stays as it was where the new one is wrong, does not fit, or cannot be had', async () => {
    const wrong = async () => parse('gaol: 1');
    for (const [load, why] of [
      [wrong, /did you mean "goal"/],
      [async () => parse('level: 3'), /no such level/],
      [undefined, /must have come from a file/],
    ] as const) {
      const { inForce, seen } = setUp(load);
      await expect(inForce.reload()).rejects.toThrow(why);
      expect([inForce.read(), seen]).toEqual([plain, []]);
    }
  });

  it('reloads one after the other, and goes on after a failure', async () => {
    let running = 0;
    let calls = 0;
    const { inForce } = setUp(async () => {
      running += 1;
      expect(running).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running -= 1;
      calls += 1;
      return calls === 2 ? parse('gaol: 1') : parse(`deadline_ms: ${calls}`);
    });
    const results = await Promise.allSettled([inForce.reload(), inForce.reload(), inForce.reload()]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(inForce.read().deadlineMs).toBe(3);
  });
});
