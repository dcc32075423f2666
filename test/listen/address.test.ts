import { describe, expect, it } from 'vitest';
import { authority, parseListenAddress, reachable } from '../../listen/address.ts';
import { isLocalName, isLoopback } from '../../listen/loopback.ts';

const fallback = { host: '127.0.0.1', port: 8080 };
const parse = (text: string) => parseListenAddress('--http', text, fallback);

describe('parseListenAddress()', () => {
  it('reads host and port, or a port alone', () => {
    expect(parse('0.0.0.0:80')).toEqual({ host: '0.0.0.0', port: 80 });
    expect(parse('[::1]:0')).toEqual({ host: '::1', port: 0 });
    expect(parse('localhost:65535')).toEqual({ host: 'localhost', port: 65_535 });
    expect(parse(':90')).toEqual({ host: '127.0.0.1', port: 90 });
    expect(parse('90')).toEqual({ host: '127.0.0.1', port: 90 });
  });

  it.each(['', 'host', 'host:', 'h:65536', 'h:1:2', '::1:80', 'a b:1', 'http://h:80', '[::1:80'])(
    'refuses %j with the cure',
    (text) => {
      expect(() => parse(text)).toThrow(/--http as it must be HOST:PORT.*127\.0\.0\.1:8080/);
    },
  );

  it('gives an address that a URL of it leads back to', () => {
    for (const text of ['127.0.0.1:80', '[::1]:80', 'localhost:80'])
      expect(authority(parse(text))).toBe(text);
  });
});

it('reachable() names this machine where a server listens on all of its addresses', () => {
  expect(reachable({ host: '0.0.0.0', port: 1 })).toEqual({ host: '127.0.0.1', port: 1 });
  expect(reachable({ host: '::', port: 1 })).toEqual({ host: '::1', port: 1 });
  expect(reachable({ host: 'board.local', port: 1 })).toEqual({ host: 'board.local', port: 1 });
});

it.each(['localhost', 'LOCALHOST', '127.0.0.1', '127.9.9.9', '::1', '[::1]', '0:0:0:0:0:0:0:1'])(
  'isLoopback() knows %s as this machine alone',
  (host) => expect(isLoopback(host)).toBe(true),
);

it.each([
  '0.0.0.0',
  '::',
  '10.0.0.1',
  '192.168.0.1',
  '127.0.0.1.evil.example',
  '127.0.0.256',
  'localhost.example',
  'x',
  '',
])('isLoopback() does not take %j for it', (host) => expect(isLoopback(host)).toBe(false));

it('isLocalName() reads the host out of a Host header', () => {
  for (const header of ['localhost', 'localhost:8080', '127.0.0.1:1', '[::1]', '[::1]:8080', 'LocalHost'])
    expect(isLocalName(header)).toBe(true);
  for (const header of [
    undefined,
    '',
    ':80',
    'evil.example',
    'evil.example:80',
    'localhost.evil.example',
    'localhost:80@evil.example',
    '127.0.0.1:80:80',
    '[fe80::1]:80',
    '::1',
    '192.168.0.7',
  ])
    expect(isLocalName(header)).toBe(false);
});
