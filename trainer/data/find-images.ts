import { extname, join } from 'node:path';
import { createRandom, mixSeed } from '../random.ts';
import { maxClasses } from './check-data-set.ts';
import { describeIgnored, type Ignored, someOf, visible } from './junk.ts';
import { listFolder } from './list-folder.ts';
import { classCounts, drawPerClass, testQuotas } from './stratify.ts';

export type ImageFile = { path: string; label: number };
export type FoundImages = {
  labels: string[];
  train: ImageFile[];
  test: ImageFile[];
  /** What was ignored, and which reading was taken where two are possible: a line each. */
  notes: string[];
};

const extensions = ['.jpg', '.jpeg', '.png'];

/** A class: its name in Unicode's composed form (NFC), and the folders that hold it, whatever their form. */
type ClassFolders = { label: string; names: string[] };
type Found = { labels: string[]; files: ImageFile[] };
type Notes = { ignored: Ignored; lines: string[] };

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
  const notes: Notes = { ignored: { names: [], emptyFolders: [] }, lines: [] };
  const folders = await openParent(dir, notes);
  const split = await isSplit(dir, folders);
  const found = split
    ? await findSplit(dir, folders, notes)
    : await findUnsplit(dir, folders, notes, options);
  const ignored = describeIgnored(notes.ignored);
  return { ...found, notes: ignored === undefined ? notes.lines : [...notes.lines, ignored] };
}

async function findUnsplit(
  dir: string,
  folders: string[],
  notes: Notes,
  options: { seed: number; testShare: number },
): Promise<Omit<FoundImages, 'notes'>> {
  const { labels, files } = await findClasses(dir, folders, 2, notes);
  const classes = Uint16Array.from(files, (file) => file.label);
  const quotas = testQuotas(classCounts(classes, labels.length), options.testShare);
  const random = createRandom(mixSeed(options.seed, 'test'));
  const { drawn, others } = drawPerClass(classes, quotas, random);
  const pick = (indices: Int32Array) => Array.from(indices, (i) => files[i]);
  return { labels, train: pick(others), test: pick(drawn) };
}

/** The folders in a folder that are not empty. */
async function openParent(dir: string, { ignored }: Notes): Promise<string[]> {
  const listing = await listFolder(dir);
  ignored.names.push(...listing.ignored);
  const filled: string[] = [];
  for (const name of listing.folders) {
    const { folders, files } = await listFolder(join(dir, name));
    if (folders.length + files.length > 0) filled.push(name);
    else ignored.emptyFolders.push(name);
  }
  return filled;
}

/** A class may be called `train`, as in CIFAR-100: beside it there is no `test`, and it holds images, not folders. */
async function isSplit(dir: string, folders: string[]): Promise<boolean> {
  const parts = folders.filter((name) => name === 'train' || name === 'test');
  if (parts.length !== 1) return parts.length === 2;
  const inside = await listFolder(join(dir, parts[0]));
  return inside.folders.length > 0;
}

async function findSplit(dir: string, folders: string[], notes: Notes): Promise<Omit<FoundImages, 'notes'>> {
  if (folders.join() !== 'test,train')
    throw new Error(
      `Cannot read image folder "${dir}" as "train" and "test" must stand there together and alone: current sub-folders are ${someOf(folders, 8)}; add what is missing, move the others elsewhere, or put one sub-folder a class there to have it split`,
    );
  const open = async (part: string) => {
    const path = join(dir, part);
    return findClasses(path, await openParent(path, notes), 1, notes);
  };
  const train = await open('train');
  const test = await open('test');
  const lack = (a: string[], b: string[]) => a.filter((name) => !b.includes(name));
  const onlyTrain = lack(train.labels, test.labels);
  const onlyTest = lack(test.labels, train.labels);
  if (onlyTrain.length + onlyTest.length > 0)
    throw new Error(
      `Cannot read image folder "${dir}" as "train" and "test" must have the same classes: current classes of "train" alone are ${someOf(onlyTrain)}, of "test" alone ${someOf(onlyTest)}; add or remove those sub-folders`,
    );
  return { labels: train.labels, train: train.files, test: test.files };
}

/** One name can be stored in several forms (macOS writes accents as marks of their own): such folders are one class. */
function classesOf(names: string[]): ClassFolders[] {
  const byLabel = new Map<string, string[]>();
  for (const name of names) {
    const label = name.normalize('NFC');
    byLabel.set(label, [...(byLabel.get(label) ?? []), name]);
  }
  return [...byLabel.keys()].sort().map((label) => ({ label, names: byLabel.get(label) ?? [] }));
}

async function findClasses(
  dir: string,
  folders: string[],
  leastImages: number,
  notes: Notes,
): Promise<Found> {
  const classes = classesOf(folders);
  if (classes.length < 2 || classes.length > maxClasses)
    throw new Error(
      `Cannot read image folder "${dir}" as it must hold 2 to ${maxClasses} sub-folders with images, one a class: current number is ${classes.length}${classes.length === 1 ? ` ("${classes[0].label}")` : ''}; sort the images into one sub-folder a class`,
    );
  const files: ImageFile[] = [];
  for (const [index, { label, names }] of classes.entries()) {
    if (names.length > 1)
      notes.lines.push(
        `folders ${names.map((name) => `"${visible(name, true)}"`).join(' and ')} of "${dir}" are read as one class "${label}": their names are the same in Unicode`,
      );
    const images: string[] = [];
    for (const name of names) images.push(...(await findFiles(join(dir, name), notes)));
    if (images.length < leastImages)
      throw new Error(
        `Cannot read class folder "${join(dir, names[0])}" as a class must have ${leastImages === 1 ? 'an image' : `${leastImages} images, one to train and one to test`}: current number is ${images.length}; add images, or remove the folder`,
      );
    for (const path of images) files.push({ path, label: index });
  }
  return { labels: classes.map(({ label }) => label), files };
}

async function findFiles(path: string, notes: Notes): Promise<string[]> {
  const inside = await listFolder(path);
  notes.ignored.names.push(...inside.ignored);
  for (const name of inside.folders) {
    const { folders, files } = await listFolder(join(path, name));
    if (folders.length + files.length > 0)
      throw new Error(
        `Cannot read class folder "${path}" as it must hold images alone: current content has the sub-folder "${name}"; move its images into a class folder`,
      );
    notes.ignored.emptyFolders.push(name);
  }
  return inside.files.map((file) => join(path, checkedName(path, file)));
}

function checkedName(dir: string, file: string): string {
  const type = extname(file);
  if (extensions.includes(type.toLowerCase())) return file;
  throw new Error(
    `Cannot read image "${join(dir, file)}" as its name must end in ${extensions.join(', ')}: current file type is ${type || 'none'}; convert it to JPEG or PNG, or move it elsewhere`,
  );
}
