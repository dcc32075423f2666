import { describe, expect, it } from 'vitest';
import { isLoopback, parseListenAddress } from '../../fleet/listen-address.ts';

const fallback = { host: '127.0.0.1', port: 8080 };
const parse = (text: string) => parseListenAddress('--http', text, fallback);

describe('parseListenAddress()', () => {
  it('reads host and port, or a port alone', () => {
    expect(parse('0.0.0.0:80')).toEqual({ host: '0.0.0.0', port: 80 });
    expect(parse('[::1]:0')).toEqual({ host: '::1', port: 0 });
    expect(parse(':90')).toEqual({ host: '127.0.0.1', port: 90 });
    expect(parse('90')).toEqual({ host: '127.0.0.1', port: 90 });
  });

  it.each(['', 'host', 'host:', 'h:65536', 'h:1:2', '::1:80', 'http://h:80'])(
    'refuses %j with the cure',
    (text) => {
      expect(() => parse(text)).toThrow(/--http as it must be HOST:PORT.*127\.0\.0\.1:8080/);
    },
  );
});

describe('isLoopback()', () => {
  it('knows the names of this machine alone', () => {
    expect(['localhost', '127.0.0.1', '127.9.9.9', '::1'].every(isLoopback)).toBe(true);
    expect(['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.evil.example', 'example.org', ''].some(isLoopback)).toBe(
      false,
    );
  });
});
