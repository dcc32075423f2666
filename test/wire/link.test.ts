import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../wire/link/backoff.ts';
import { hideCredentials, parseBrokerUrl } from '../../wire/link/broker-url.ts';
import { checkAccess } from '../../wire/link/connect-once.ts';

describe('parseBrokerUrl()', () => {
  it('reads host, port and credentials, and shows the URL without the latter', () => {
    expect(parseBrokerUrl('mqtts://me:p%40ss@broker.local')).toEqual({
      shown: 'mqtts://broker.local',
      protocol: 'mqtts',
      host: 'broker.local',
      port: 8883,
      path: '/',
      username: 'me',
      password: 'p@ss',
    });
    expect(parseBrokerUrl('mqtt://[::1]:1999')).toMatchObject({ host: '::1', port: 1999 });
    expect(parseBrokerUrl('wss://h/mqtt?x=1')).toMatchObject({ port: 443, path: '/mqtt?x=1' });
  });

  it.each([
    '',
    'broker',
    '127.0.0.1:1883',
    'http://x',
    'mqtt://',
    'mqtt://a:b:c',
    'mqtt://%zz@h',
    'mqtt://h:99999',
  ])('refuses %j and tells the cure', (text) => {
    expect(() => parseBrokerUrl(text)).toThrow(TypeError);
    expect(() => parseBrokerUrl(text)).toThrow(/mqtt:\/\/127\.0\.0\.1:1883/);
  });

  it('never tells a password in a message', () => {
    for (const text of [
      'http://me:secret@h',
      'mqtt://me:secret@',
      'mqtt://me:secret@h:99999',
      'me:secret@h',
      'mqtt://a:secret@b@h',
      'mqtt://me:sec/secret@h',
    ]) {
      expect(hideCredentials(text)).not.toContain('secret');
      try {
        expect(parseBrokerUrl(text).shown).not.toContain('secret');
      } catch (error) {
        expect(String(error)).not.toContain('secret');
      }
    }
  });
});

describe('checkAccess()', () => {
  it('asks for certificate and key together, and for a scheme that uses them', () => {
    expect(() => checkAccess({ url: 'mqtts://h', cert: 'x' })).toThrow(/together/);
    expect(() => checkAccess({ url: 'mqtt://h', ca: 'x' })).toThrow(/mqtts:\/\//);
    expect(checkAccess({ url: 'mqtts://h', ca: 'x', cert: 'x', key: 'x' }).port).toBe(8883);
  });
});

describe('backoffMs()', () => {
  it('stays between 0.1 s and 15 s, and below a ceiling that doubles', () => {
    fc.assert(
      fc.property(
        fc.nat(1000),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (failures, draw) => {
          const waitMs = backoffMs(failures, () => draw);
          expect(waitMs).toBeGreaterThanOrEqual(100);
          expect(waitMs).toBeLessThanOrEqual(Math.min(15_000, 250 * 2 ** failures));
        },
      ),
    );
  });
});
