import { type Bundle, BundleError, obtainPublicKey, readBundle } from '../../bundle/read-bundle.ts';
import type { Profile } from './schema.ts';

type KeyedProfile = { bundle: Pick<Profile['bundle'], 'publicKey'> };

/**
 * Reads the bundle for a device with this profile: if the profile names a public key, no other than a bundle signed with its private key.
 * @throws BundleError as `readBundle` does.
 */
export async function readProfileBundle(profile: KeyedProfile, dir: string): Promise<Bundle> {
  return readBundle(dir, { publicKey: profile.bundle.publicKey });
}

/**
 * Holds a bundle that was read elsewhere to the profile: whatever opens a bundle for a device with a profile asks here.
 * @throws BundleError if the profile names a public key, and the bundle was not verified with it.
 */
export async function requireSigned(profile: KeyedProfile, bundle: Bundle): Promise<void> {
  const { publicKey } = profile.bundle;
  if (publicKey === undefined) return;
  const key = await obtainPublicKey(publicKey);
  if (bundle.signedWith?.equals(key)) return;
  throw new BundleError(
    'EBB_BUNDLE_SIGNATURE',
    `Cannot open bundle "${bundle.dir}" as its signature must have been verified with the profile's key, ${publicKey}: read it with readBundle(dir, { publicKey }), or take "bundle.public_key" out of the profile`,
  );
}
