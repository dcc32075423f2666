import { extname, join } from 'node:path';
import { createRandom, mixSeed } from '../random.ts';
import { maxClasses } from './check-data-set.ts';
import { listFolder } from './list-folder.ts';
import { classCounts, drawPerClass, testQuotas } from './stratify.ts';

export type ImageFile = { path: string; label: number };
export type FoundImages = { labels: string[]; train: ImageFile[]; test: ImageFile[] };

const extensions = ['.jpg', '.jpeg', '.png'];

/**
 * Finds the images of `DIR/train/<class>/` and `DIR/test/<class>/`, or of `DIR/<class>/`, of which a share becomes the test split:
 * the same files whatever the file system's order is.
 *
 * @throws Error where the folders are laid out otherwise, a class has too few images, or a file is no JPEG or PNG by its name.
 */
export async function findImages(
  dir: string,
  options: { seed: number; testShare: number },
): Promise<FoundImages> {
  const { folders } = await listFolder(dir);
  if (await isSplit(dir, folders)) return findSplit(dir, folders);
  const { labels, files } = await findClasses(dir, folders, 2);
  const classes = Uint16Array.from(files, (file) => file.label);
  const quotas = testQuotas(classCounts(classes, labels.length), options.testShare);
  const random = createRandom(mixSeed(options.seed, 'test'));
  const { drawn, others } = drawPerClass(classes, quotas, random);
  const pick = (indices: Int32Array) => Array.from(indices, (i) => files[i]);
  return { labels, train: pick(others), test: pick(drawn) };
}

/** A class may be called `train`, as in CIFAR-100: beside it there is no `test`, and it holds images, not folders. */
async function isSplit(dir: string, folders: string[]): Promise<boolean> {
  const parts = folders.filter((name) => name === 'train' || name === 'test');
  if (parts.length !== 1) return parts.length === 2;
  const inside = await listFolder(join(dir, parts[0]));
  return inside.folders.length > 0;
}

async function findSplit(dir: string, folders: string[]): Promise<FoundImages> {
  if (folders.join() !== 'test,train')
    throw new Error(
      `Cannot read image folder "${dir}" as "train" and "test" must stand there together and alone: current sub-folders are ${folders.join(', ')}; add what is missing, move the others elsewhere, or put one sub-folder a class there to have it split`,
    );
  const open = async (part: string) => {
    const path = join(dir, part);
    return findClasses(path, (await listFolder(path)).folders, 1);
  };
  const train = await open('train');
  const test = await open('test');
  const lack = (a: string[], b: string[]) => a.filter((name) => !b.includes(name));
  const onlyTrain = lack(train.labels, test.labels);
  const onlyTest = lack(test.labels, train.labels);
  if (onlyTrain.length + onlyTest.length > 0)
    throw new Error(
      `Cannot read image folder "${dir}" as "train" and "test" must have the same classes: current classes of "train" alone are ${some(onlyTrain)}, of "test" alone ${some(onlyTest)}; add or remove those sub-folders`,
    );
  return { labels: train.labels, train: train.files, test: test.files };
}

async function findClasses(
  dir: string,
  labels: string[],
  leastImages: number,
): Promise<{ labels: string[]; files: ImageFile[] }> {
  if (labels.length < 2 || labels.length > maxClasses)
    throw new Error(
      `Cannot read image folder "${dir}" as it must hold 2 to ${maxClasses} sub-folders, one a class: current number is ${labels.length}${labels.length === 1 ? ` ("${labels[0]}")` : ''}; sort the images into one sub-folder a class`,
    );
  const files: ImageFile[] = [];
  for (const [label, name] of labels.entries()) {
    const path = join(dir, name);
    const inside = await listFolder(path);
    if (inside.folders.length > 0)
      throw new Error(
        `Cannot read class folder "${path}" as it must hold images alone: current content has the sub-folder "${inside.folders[0]}"; move its images into a class folder`,
      );
    if (inside.files.length < leastImages)
      throw new Error(
        `Cannot read class folder "${path}" as a class must have ${leastImages === 1 ? 'an image' : `${leastImages} images, one to train and one to test`}: current number is ${inside.files.length}; add images, or remove the folder`,
      );
    for (const file of inside.files) files.push({ path: join(path, checkedName(path, file)), label });
  }
  return { labels, files };
}

function checkedName(dir: string, file: string): string {
  const type = extname(file);
  if (extensions.includes(type.toLowerCase())) return file;
  throw new Error(
    `Cannot read image "${join(dir, file)}" as its name must end in ${extensions.join(', ')}: current file type is ${type || 'none'}; convert it to JPEG or PNG, or move it elsewhere`,
  );
}

function some(names: string[]): string {
  const first = names.slice(0, 3).map((name) => `"${name}"`);
  return names.length === 0
    ? 'none'
    : first.join(', ') + (names.length > 3 ? ` and ${names.length - 3} more` : '');
}
