import type { DataSet } from './data-set.ts';
import { classCounts } from './stratify.ts';

/** Labels are 16 bits wide. */
export const maxClasses = 65_536;

/**
 * Checks what every data set must keep, whatever it was read from: samples in both splits, labels that name a class, two classes or more in
 * the training split, and training samples of every class.
 *
 * @param spec as `--data` has it; for messages only.
 * @returns `data`.
 * @throws Error where one of these does not hold.
 */
export function checkDataSet(data: DataSet, spec: string): DataSet {
  const { labels } = data;
  for (const part of ['train', 'test'] as const) {
    const split = data[part];
    if (split.count === 0)
      throw new Error(
        `Cannot use data "${spec}" as its ${part} split must hold samples: current number is 0; add ${part} samples`,
      );
    const wrong = split.labels.findIndex((label) => label >= labels.length);
    if (wrong >= 0)
      throw new Error(
        `Cannot use data "${spec}" as ${part} labels must be below ${labels.length}: label ${wrong} is ${split.labels[wrong]}; correct it, or use a set of ${labels.length} classes`,
      );
  }
  const counts = classCounts(data.train.labels, labels.length);
  const present = labels.filter((_, label) => counts[label] > 0);
  if (present.length < 2)
    throw new Error(
      `Cannot use data "${spec}" as its training split must hold two classes or more: current value is "${present.join()}" alone; add training samples of another class`,
    );
  const absent = counts.indexOf(0);
  if (absent >= 0)
    throw new Error(
      `Cannot use data "${spec}" as every class must have a training sample: current number of class ${absent} ("${labels[absent]}") is 0; add samples of it, or use a set without that class`,
    );
  return data;
}
