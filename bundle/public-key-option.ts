import { Option } from 'commander';

/** For verbs that open a bundle without a profile; with one, its `bundle.public_key` holds. */
export function publicKeyOption(): Option {
  return new Option(
    '--public-key <file>',
    'open the bundle only if it is signed with this Ed25519 key (PEM)',
  ).env('EBB_PUBLIC_KEY');
}
