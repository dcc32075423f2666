import { join } from 'node:path';
import { runEbb } from './ebb-process.ts';

export type TrainBundleOptions = {
  /** Run folder; the training's own stands in it. */
  out: string;
  data: string;
  levels: string;
  epochs: number;
  say: (line: string) => void;
  signal: AbortSignal;
};

/** Trains a small net whose sparser levels are physically smaller, by `ebb train`. @returns the bundle's folder. */
export async function trainBundle({
  out,
  data,
  levels,
  epochs,
  say,
  signal,
}: TrainBundleOptions): Promise<string> {
  const run = join(out, 'training');
  say(`training resnet8 on ${data}: sub-nets of sparsity ${levels}, all in one go`);
  await runEbb(
    ['train', '--data', data, '--net', 'resnet8', '--levels', levels, '--granularity', 'channel'].concat([
      '--validation',
      '0',
      '--epochs',
      String(epochs),
      '--out',
      run,
      '--json',
    ]),
    signal,
  );
  return join(run, 'bundle');
}
