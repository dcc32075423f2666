import { z } from 'zod';
import { plainRequirement } from '../terminal/plain-issues.ts';
import { distributions } from './ast/masks/distribution.ts';
import { granularities } from './ast/masks/mask-scheme.ts';
import { orders } from './ast/schedule.ts';
import { backendChoices } from './backend/open-backend.ts';
import { parseLevels } from './levels.ts';
import { nets } from './net/nets.ts';
import { methods } from './train.ts';

const share = z.number().min(0).max(1);

/**
 * Everything that a training run depends on, as `run.json` and checkpoints hold it: with equal settings (and equal data behind `data`) a
 * back end trains equal weights.
 */
export const settingsSchema = z
  .strictObject({
    /** See `openData`. */
    data: z.string().min(1),
    net: z.enum(Object.keys(nets)).default('resnet8'),
    /** Factor on the channels of every hidden layer. */
    width: z.number().min(0.25).max(8).default(1),
    /** See `parseLevels`. */
    levels: z.string(),
    method: z.enum(methods).default('ast'),
    epochs: z.number().positive(),
    batch: z.number().int().min(2).max(4096).default(64),
    /** Peak of the cosine. */
    lr: z.number().positive().max(10),
    weight_decay: z.number().min(0).max(1).default(5e-4),
    /** Factor on the learning rate of each level's own scales and biases; absent: 1. */
    norm_rate: z.number().positive().max(100).optional(),
    granularity: z.enum(granularities).default('element'),
    distribution: z.enum(distributions),
    correction: z.boolean(),
    order: z.enum(orders).default('densest-first'),
    /** Mask updates from the beginning to the end of the ramp. */
    updates: z.number().int().min(1).max(10_000).default(40),
    ramp_end: share.default(0.7),
    frozen_from: share.default(0.75),
    /** Iterations by which each level's mask updates come after those of the level before. */
    update_offset: z.number().int().min(0).default(0),
    /** First share of drop-and-grow; 0 is off. */
    drop_fraction: share.default(0),
    /** Share of the training samples that is held out for choices. */
    validation: z.number().min(0).max(0.9),
    seed: z
      .number()
      .int()
      .min(0)
      .max(2 ** 31 - 1)
      .default(1),
    backend: z.enum(backendChoices).default('auto'),
  })
  .refine((settings) => settings.ramp_end <= settings.frozen_from, {
    path: ['frozen_from'],
    message: 'must not lie before ramp_end',
  });

export type Settings = z.infer<typeof settingsSchema>;

/** What may be left out gets the default that goes with the rest. */
export type NewSettings = Omit<
  z.input<typeof settingsSchema>,
  'lr' | 'distribution' | 'correction' | 'validation'
> &
  Partial<Pick<Settings, 'lr' | 'distribution' | 'correction' | 'validation'>>;

/** @throws z.ZodError where a value is out of its range or a key is unknown. */
export function completeSettings(settings: NewSettings): Settings {
  const { method = 'ast', granularity = 'element' } = settings;
  const several = parseLevels(settings.levels).length > 1;
  const whole = {
    ...settings,
    // A level of N sees 1/N of the steps and wants larger ones than a net that is trained alone.
    lr: settings.lr ?? (method === 'ast' && several ? 0.2 : 0.1),
    distribution: settings.distribution ?? (granularity === 'nm' ? 'uniform' : 'global'),
    correction: settings.correction ?? method === 'ast',
    validation: settings.validation ?? 0.05,
  };
  return settingsSchema.parse(whole, { error: plainRequirement });
}
