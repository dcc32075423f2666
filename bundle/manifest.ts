import { z } from 'zod';

/** The manifest version this code writes and reads. */
export const manifestVersion = 1;

/** A file name beside the manifest: no folder, no `..`, nothing hidden. */
const fileName = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/, 'must be a plain file name beside manifest.json, without folders');

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hexadecimal digits');

/** Dimensions of a tensor; the first is always `"batch"`, the dynamic one. */
const shape = z.tuple([z.literal('batch')], z.number().int().positive());

const accuracy = z.strictObject({
  metric: z.literal('top1'),
  /** Share of right answers, `correct / count`. */
  value: z.number().min(0).max(1),
  correct: z.number().int().nonnegative(),
  count: z.number().int().positive(),
  /** Name of the data set, e.g. `fashion-mnist`. */
  data: z.string().min(1),
  split: z.string().min(1),
});

const level = z.strictObject({
  /** Share of maskable weights that are zero (or physically absent). */
  sparsity: z.number().min(0).max(1),
  /** Nonzero weights of all layers. */
  nonzeros: z.number().int().nonnegative(),
  /** Multiply-accumulates on nonzero weights for one input. */
  macs: z.number().int().nonnegative(),
  bytes: z.number().int().positive(),
  file: fileName,
  sha256,
  accuracy: accuracy.optional(),
  /** True where the level was not trained, but put between two that were. */
  derived: z.literal(true).optional(),
});

/** What a trainer hands to an agent: everything needed to feed the levels and to choose among them. */
export const manifestSchema = z
  .strictObject({
    version: z.literal(manifestVersion),
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be 1 to 64 letters, digits, ".", "_" or "-"'),
    task: z.literal('classification'),
    /** Class names in the order of the output's last dimension. */
    labels: z.array(z.string().min(1)).min(1),
    input: z.strictObject({
      name: z.string().min(1),
      shape,
      dtype: z.literal('float32'),
      layout: z.enum(['NCHW', 'NC']),
      /** `value = (pixel * scale - mean[c]) / std[c]`, pixel in 0..255, one mean and std for each channel. */
      preprocessing: z.strictObject({
        scale: z.number().positive(),
        mean: z.array(z.number()).min(1),
        std: z.array(z.number().positive()).min(1),
      }),
    }),
    output: z.strictObject({ name: z.string().min(1), shape, dtype: z.literal('float32') }),
    /** Densest first. */
    levels: z.array(level).min(1),
    /** True where the mask of each level lies inside the mask of every denser one, with bit-identical weights. */
    nested: z.boolean(),
    training: z
      .strictObject({
        method: z.string(),
        net: z.string(),
        data: z.string(),
        granularity: z.string(),
        distribution: z.string(),
        correction: z.boolean(),
        epochs: z.number().positive(),
        iterations: z.number().int().positive(),
        batch: z.number().int().positive(),
        seed: z.number().int(),
        /** Wall-clock of training, without evaluation. */
        seconds: z.number().nonnegative(),
      })
      .optional(),
  })
  .superRefine((manifest, context) => {
    const files = manifest.levels.map((entry) => entry.file);
    if (new Set(files).size < files.length)
      context.addIssue({
        code: 'custom',
        path: ['levels'],
        message: 'every level must have a file of its own',
      });
    for (let i = 1; i < manifest.levels.length; i += 1) {
      if (manifest.levels[i].sparsity < manifest.levels[i - 1].sparsity)
        context.addIssue({
          code: 'custom',
          path: ['levels', i],
          message: 'levels must run from densest to sparsest',
        });
    }
    const classes = manifest.output.shape.at(-1);
    if (classes !== manifest.labels.length)
      context.addIssue({
        code: 'custom',
        path: ['labels'],
        message: `must have one label for each of ${classes} outputs`,
      });
  });

export type Manifest = z.infer<typeof manifestSchema>;
export type ManifestLevel = Manifest['levels'][number];

/** Numbers in one input of the net, without the batch dimension. */
export function inputSize(manifest: Manifest): number {
  const [, ...rest] = manifest.input.shape;
  return rest.reduce((product, size) => product * size, 1);
}
