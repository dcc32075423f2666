import { basename, join, resolve } from 'node:path';
import { type CifarLayout, chooseCifarFiles, cifarImages, cifarLayouts, parseCifar } from './cifar.ts';
import { cifar10Labels, cifar100Labels, parseCifar100Labels } from './cifar-labels.ts';
import { channelStatistics, type DataSet, pixelScale, type Split } from './data-set.ts';
import { listFolder } from './list-folder.ts';
import { readPacked } from './read-packed.ts';

/** Above the family's largest file, CIFAR-100's `train.bin` of 154 MB. */
const maxFileBytes = 2 ** 28;
/** Some hundred times what 100 names take. */
const maxNamesBytes = 2 ** 18;
const namesFile = 'fine_label_names.txt';

/**
 * Reads a folder of CIFAR-10's or CIFAR-100's binary version, or of any files of the same records called `train*.bin` and `test*.bin`,
 * each plain or with `.gz`. Of CIFAR-100 the fine labels are learnt.
 *
 * @throws Error where a file is missing or damaged.
 */
export async function readCifarFolder(dir: string, kind: CifarLayout['kind']): Promise<DataSet> {
  const layout = cifarLayouts[kind];
  const { files } = await listFolder(dir);
  const chosen = chooseCifarFiles(files, dir, layout);
  const labels = kind === 'cifar10' ? [...cifar10Labels] : await fineLabels(dir, files);
  const train = await readFiles(dir, chosen.train, layout);
  const test = await readFiles(dir, chosen.test, layout);
  const statistics = channelStatistics(train, cifarImages.channels, pixelScale);
  return { name: basename(resolve(dir)), labels, ...cifarImages, train, test, ...statistics };
}

async function fineLabels(dir: string, files: string[]): Promise<string[]> {
  if (!files.includes(namesFile)) return [...cifar100Labels];
  const path = join(dir, namesFile);
  return parseCifar100Labels(new TextDecoder().decode(await readPacked(path, maxNamesBytes)), path);
}

/** One file after the other, so that only one is there in both its forms. */
async function readFiles(dir: string, names: string[], layout: CifarLayout): Promise<Split> {
  const parts: Split[] = [];
  for (const name of names) {
    const path = join(dir, name);
    parts.push(parseCifar(await readPacked(path, maxFileBytes), path, layout));
  }
  if (parts.length === 1) return parts[0];
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  const inputs = new Uint8Array(parts.reduce((sum, part) => sum + part.inputs.length, 0));
  const labels = new Uint16Array(count);
  let at = 0;
  for (const part of parts) {
    inputs.set(part.inputs, at * (inputs.length / count));
    labels.set(part.labels, at);
    at += part.count;
  }
  return { inputs, labels, count };
}
