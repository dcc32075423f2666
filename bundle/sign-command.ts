import { join } from 'node:path';
import { Command } from 'commander';
import { manifestFile, readBundleWithBytes } from './read-bundle.ts';
import { readPrivateKey, signatureFile, signManifest } from './signature.ts';
import { writeFileAtomic } from './write-file-atomic.ts';

const help = `
Keys are PEM files:
  openssl genpkey -algorithm ed25519 -out key.pem
  openssl pkey -in key.pem -pubout -out key.pub.pem

A device whose profile says "bundle: { public_key: /etc/ebb/key.pub.pem }" opens no bundle that is not signed with key.pem.
The signature stands in ${signatureFile}, over ${manifestFile}, which holds the hash of every other file. Whoever changes the bundle,
as "ebb bundle between" does, signs it again.`;

export function signCommand(): Command {
  return new Command('sign')
    .description('sign a bundle, for devices that open no other')
    .argument('<bundle>', 'folder of the bundle')
    .requiredOption('--key <file>', 'private Ed25519 key (PEM)')
    .addHelpText('after', help)
    .action(async (path: string, { key }: { key: string }) => {
      const privateKey = await readPrivateKey(key);
      // What does not match its manifest is not worth a signature.
      const { bundle, manifestBytes } = await readBundleWithBytes(path);
      const file = join(bundle.dir, signatureFile);
      await writeFileAtomic(file, signManifest(manifestBytes, privateKey));
      process.stdout.write(`signed "${bundle.manifest.name}": ${file}\n`);
    });
}
