import { Option } from 'commander';
import { engineNames } from '../engine/engine.ts';

/** Which engine runs the levels, in place of what the profile says. */
export function engineOption(): Option {
  return new Option(
    '--engine <name>',
    'engine that runs the levels; auto: the faster one for each level',
  ).choices(['auto', ...engineNames]);
}
