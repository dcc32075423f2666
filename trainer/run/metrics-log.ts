import { open } from 'node:fs/promises';
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

/** Appends metrics to a file; they reach it when they are flushed, so that memory stays flat and steps wait for no disk. */
export type MetricsLog = {
  add(metric: Metric): void;
  /** Writes what was added, and gives the file's length. */
  flush(): Promise<number>;
};

/** @param keepBytes what is kept of an older file: all beyond belongs to steps that are done again. */
export async function openMetricsLog(path: string, keepBytes: number): Promise<MetricsLog> {
  const file = await open(path, 'a+');
  try {
    await file.truncate(keepBytes);
  } finally {
    await file.close();
  }
  let pending: string[] = [];
  let bytes = keepBytes;
  return {
    add(metric) {
      pending.push(`${JSON.stringify(metric)}\n`);
    },
    async flush() {
      const text = Buffer.from(pending.join(''));
      pending = [];
      if (text.length > 0) {
        const appending = await open(path, 'a');
        try {
          await appending.writeFile(text);
        } finally {
          await appending.close();
        }
        bytes += text.length;
      }
      return bytes;
    },
  };
}
