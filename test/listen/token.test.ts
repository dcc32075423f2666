import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { isAuthorized, isToken, readToken, requireToken } from '../../listen/token.ts';
import { temporaryFolder } from '../temporary-folder.ts';

it('a token comes from a file, else from the environment', async () => {
  const file = join(await temporaryFolder(), 'token');
  await writeFile(file, '0123456789abcdef\n');
  const env = { EBB_TOKEN: 'x'.repeat(20) };
  expect(await readToken({ file, env })).toBe('0123456789abcdef');
  expect(await readToken({ env })).toBe('x'.repeat(20));
  expect(await readToken({ env: {} })).toBeUndefined();
  expect(await readToken({ env: { EBB_TOKEN: '' } })).toBeUndefined();
});

it('a token must be long enough and without spaces, and the message tells the cure but not the token', async () => {
  const file = join(await temporaryFolder(), 'token');
  for (const text of [
    '',
    'short-secret',
    'two words of some length',
    'first-line-of-two\nsecond-line-of-two',
  ]) {
    await writeFile(file, text);
    const error = await readToken({ file, env: { EBB_TOKEN: 'x'.repeat(20) } }).catch((why: Error) => why);
    expect(String(error)).toMatch(/token file ".*" as .* at least 16 characters and no space.*openssl rand/);
    if (text !== '') expect(String(error)).not.toContain(text);
  }
  await expect(readToken({ env: { EBB_TOKEN: 'short' } })).rejects.toThrow(/EBB_TOKEN.*current value has 5/);
  await expect(readToken({ file: `${file}x`, env: {} })).rejects.toThrow(/ENOENT.*openssl rand/);
});

it('a token must match as a whole', () => {
  expect(isToken('abc', 'abc')).toBe(true);
  for (const given of ['', 'ab', 'abcd', 'ABC']) expect(isToken(given, 'abc')).toBe(false);
  for (const header of ['Bearer abc', 'bearer abc', 'Bearer  abc'])
    expect(isAuthorized(header, 'abc')).toBe(true);
  for (const header of [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Bearer ab',
    'Bearer abcd',
    'abc',
    'Bearer abc d',
  ])
    expect(isAuthorized(header, 'abc')).toBe(false);
});

it('requireToken() lets a server without a token listen on loopback alone', () => {
  const check = (host: string, token?: string) => () => requireToken('the server', { host, port: 80 }, token);
  for (const host of ['127.0.0.1', '::1', 'localhost']) expect(check(host)).not.toThrow();
  for (const host of ['0.0.0.0', '::', '192.168.0.1', 'example.org', '127.0.0.1.example.org']) {
    expect(check(host)).toThrow(/Cannot start the server on .*:80 as .*--token-file FILE or EBB_TOKEN/);
    expect(check(host, 'a-token-of-some-length')).not.toThrow();
  }
});
