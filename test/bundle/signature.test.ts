import { generateKeyPairSync } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { readBundle } from '../../bundle/read-bundle.ts';
import { readPrivateKey, readPublicKey } from '../../bundle/signature.ts';
import { writeBundle } from '../../bundle/write-bundle.ts';
import { ebb } from '../cli/ebb.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { tinyBundle } from '../tiny-bundle.ts';

async function setUp() {
  const folder = await temporaryFolder();
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const paths = { key: `${folder}/key.pem`, pub: `${folder}/key.pub.pem`, bundle: `${folder}/bundle` };
  await writeFile(paths.key, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  await writeFile(paths.pub, publicKey.export({ type: 'spki', format: 'pem' }));
  await writeBundle(paths.bundle, tinyBundle());
  const sign = () => ebb(['bundle', 'sign', paths.bundle, '--key', paths.key]);
  return { ...paths, publicKey: await readPublicKey(paths.pub), sign };
}

it('a signed bundle opens with its key, and without any', async () => {
  const { bundle, publicKey, sign } = await setUp();
  expect(await sign()).toMatchObject({ status: 0, stdout: expect.stringMatching(/signed "tiny"/) });
  expect((await readBundle(bundle, { publicKey })).manifest.name).toBe('tiny');
  expect((await readBundle(bundle)).manifest.name).toBe('tiny');
});

it('a bundle that is not signed, signed by others, or changed since is refused where a key is asked for', async () => {
  const { bundle, publicKey, sign } = await setUp();
  await expect(readBundle(bundle, { publicKey })).rejects.toThrow(/must be signed: .*ebb bundle sign/);
  await sign();
  const stranger = generateKeyPairSync('ed25519').publicKey;
  await expect(readBundle(bundle, { publicKey: stranger })).rejects.toThrow(/another key's/);
  const path = `${bundle}/manifest.json`;
  await writeFile(path, (await readFile(path, 'utf8')).replace('"a"', '"z"'));
  await expect(readBundle(bundle, { publicKey })).rejects.toThrow(/of another manifest/);
  await writeFile(`${bundle}/manifest.json.sig`, 'x'.repeat(10_000));
  await expect(readBundle(bundle, { publicKey })).rejects.toThrow(/must be signed/);
});

it('keys of another kind, and files that are none, are refused without their contents', async () => {
  const folder = await temporaryFolder();
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeFile(`${folder}/ec.pem`, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  await writeFile(`${folder}/text`, 'secret words');
  await expect(readPrivateKey(`${folder}/ec.pem`)).rejects.toThrow(/must be an Ed25519 key: .* ec; "openssl/);
  const error: Error = await readPrivateKey(`${folder}/text`).catch((thrown) => thrown);
  expect(error.message).toMatch(/must be readable PEM/);
  expect(error.message).not.toMatch(/secret/);
  await expect(readPublicKey(`${folder}/none`)).rejects.toThrow(/ENOENT/);
});
