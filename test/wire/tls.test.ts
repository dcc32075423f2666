import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseProfile } from '../../agent/profile/load-profile.ts';
import { applyFlags } from '../../agent/profile-options.ts';
import { createReporter } from '../../agent/report/reporter.ts';
import { readBrokerFiles } from '../../agent/report/state-reporter.ts';
import { readPemFiles } from '../../wire/link/read-pem.ts';
import { reporterOptions } from '../agent/report/reporter-options.ts';
import { until } from '../until.ts';
import { freePort, hasMosquitto, recordLog, startMosquitto } from './brokers.ts';

let folder = '';
const at = (name: string) => join(folder, name);
const openssl = (...args: string[]) => promisify(execFile)('openssl', args, { cwd: folder });
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ebb-tls-'));
  if (!hasOpenssl) return;
  await openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=ca',
    '-days',
    '2',
  );
  await writeFile(at('names'), 'subjectAltName=IP:127.0.0.1');
  for (const name of ['server', 'client']) {
    await openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const signed = [
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      'names',
    ];
    await openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...signed);
  }
  await writeFile(at('junk.pem'), 'no certificate');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const profile = parseProfile('', { name: 'plain' });

describe.skipIf(!hasOpenssl)('TLS to the broker (needs openssl)', () => {
  it.skipIf(!hasMosquitto)(
    'with --ca, --cert and --key an agent reports to a broker that asks for a certificate (needs mosquitto)',
    async () => {
      const port = await freePort();
      const files = ['cafile ca.pem', 'certfile server.pem', 'keyfile server.key'].map((line) =>
        line.replace(' ', ` ${folder}/`),
      );
      const broker = await startMosquitto(port, [...files, 'require_certificate true', 'user root']);
      const url = `mqtts://127.0.0.1:${port}`;
      const flags = { broker: url, ca: at('ca.pem'), cert: at('client.pem'), key: at('client.key') };
      const log = recordLog();
      const access = readBrokerFiles(applyFlags(profile, flags));
      const reporter = createReporter({ ...reporterOptions, url, ...access, log });
      await reporter.start();
      await until('it is connected', () =>
        log.lines.some(({ text }) => text.startsWith('connected to the broker')),
      );
      await reporter.stop();
      await broker.stop();
    },
  );

  it('files that cannot be used are refused by flag and name', () => {
    const read = (files: Parameters<typeof readPemFiles>[0]) => () => readPemFiles(files);
    expect(read({ ca: at('none.pem') })).toThrow(/Cannot read --ca ".*none\.pem".*ENOENT/);
    expect(read({ ca: at('junk.pem') })).toThrow(/--ca ".*junk\.pem" as it must be a PEM file/);
    expect(read({ cert: at('client.pem'), key: at('server.key') })).toThrow(
      /--cert ".*" with --key ".*belong together/,
    );
    expect(() => applyFlags(profile, { ca: 'x' })).toThrow(/--broker mqtts:/);
    expect(() => applyFlags(profile, { broker: 'mqtt://h', ca: 'x' })).toThrow(/mqtts:\/\//);
    expect(() => applyFlags(profile, { broker: 'mqtts://h', cert: 'x' })).toThrow(/together/);
  });
});
