import { z } from 'zod';
import type { StepReport } from '../train.ts';

const measured = z.array(z.object({ level: z.number(), loss: z.number(), accuracy: z.number() }));

/** One line of `metrics.jsonl`. */
export const metricSchema = z.discriminatedUnion('kind', [
  /** After each step: of the levels it trained, loss and accuracy on the batch before the step. */
  z.object({
    kind: z.literal('step'),
    iteration: z.number(),
    levels: measured,
    learning_rate: z.number(),
    conflicts: z.number(),
  }),
  /** After each epoch: accuracy of every level on held-out samples. */
  z.object({
    kind: z.literal('epoch'),
    iteration: z.number(),
    validation: z.array(z.object({ level: z.number(), accuracy: z.number(), count: z.number() })),
  }),
]);
export type Metric = z.infer<typeof metricSchema>;

export function stepMetric({ iteration, levels, learningRate, conflicts }: StepReport): Metric {
  return { kind: 'step', iteration, levels, learning_rate: learningRate, conflicts };
}
