import type { Settings } from '../settings.ts';
import { shortPercent } from './numbers.ts';

type Words = { [Key in keyof Settings]?: [name: string, value: (value: Settings[Key]) => string] };

/** The settings' names and values in plain words; what is not named here stands as it is. */
const words: Words = {
  data: ['data', String],
  net: ['net', String],
  width: ['width factor', String],
  levels: ['levels', (levels) => levels.split(',').join(', ')],
  method: ['method', String],
  epochs: ['epochs', String],
  batch: ['samples in a step', String],
  lr: ['learning rate, peak', String],
  weight_decay: ['weight decay', String],
  norm_rate: ['factor on the rate of norms', String],
  granularity: ['granularity', String],
  distribution: ['distribution over layers', String],
  correction: ['gradient correction', (on) => (on ? 'on' : 'off')],
  order: ['order in a group', String],
  updates: ['mask updates', String],
  ramp_end: ['target sparsity reached at', shortPercent],
  frozen_from: ['masks frozen from', shortPercent],
  update_offset: ['steps between levels’ updates', String],
  drop_fraction: ['drop-and-grow, first share', (share) => (share === 0 ? 'off' : shortPercent(share))],
  validation: ['training samples held out', shortPercent],
  seed: ['seed', String],
  backend: ['back end asked for', String],
};

export function settingsPairs(settings: Settings): [name: string, value: string][] {
  const pair = <Key extends keyof Settings>(key: Key): [string, string] => {
    const known: Words[Key] = words[key];
    return known ? [known[0], known[1](settings[key])] : [key.replaceAll('_', ' '), String(settings[key])];
  };
  return (Object.keys(settings) as (keyof Settings)[]).map(pair);
}
