import type { Manifest } from '../../bundle/manifest.ts';
import { preprocess } from '../../bundle/preprocess.ts';
import type { Split } from '../../trainer/data/data-set.ts';
import type { InferClient } from './infer-client.ts';
import type { Response } from './open-loop.ts';

export type LabelledLoad = {
  /** Sends the batch number `index` (they repeat), to one level where it is given, and counts its right answers. Never rejects. */
  send(index: number, level?: number): Promise<Response>;
};

function countCorrect(logits: Float32Array, labels: Uint16Array): number {
  const classes = logits.length / labels.length;
  let correct = 0;
  labels.forEach((label, row) => {
    const own = logits.subarray(row * classes, (row + 1) * classes);
    if (own.indexOf(Math.max(...own)) === label) correct += 1;
  });
  return correct;
}

/** Cuts a labelled split into requests of `batch` images each, ready to be sent. */
export function createLabelledLoad(options: {
  client: InferClient;
  split: Split;
  manifest: Manifest;
  batch: number;
}): LabelledLoad {
  const { client, split, manifest, batch } = options;
  const imageSize = split.inputs.length / split.count;
  const requests = Array.from({ length: Math.floor(split.count / batch) }, (_, index) => {
    const first = index * batch;
    return {
      input: preprocess(
        split.inputs.subarray(first * imageSize, (first + batch) * imageSize),
        batch,
        manifest,
      ),
      labels: split.labels.subarray(first, first + batch),
    };
  });
  return {
    async send(index, wanted) {
      const { input, labels } = requests[index % requests.length];
      const failed = (error: string) => ({ correct: 0, images: batch, error });
      try {
        const answer = await client.infer(input, batch, wanted === undefined ? {} : { level: wanted });
        if (answer.output === undefined || answer.level === undefined)
          return failed(answer.error ?? 'no output');
        return { level: answer.level, correct: countCorrect(answer.output, labels), images: batch };
      } catch (error) {
        return failed((error as Error).message);
      }
    },
  };
}
