/** Classes in the order of their labels, as in `batches.meta.txt`. */
export const cifar10Labels = 'airplane automobile bird cat deer dog frog horse ship truck'.split(' ');

/** Fine classes in the order of their labels, as in `fine_label_names.txt`. */
export const cifar100Labels = (
  'apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle ' +
  'bowl boy bridge bus butterfly camel can castle caterpillar cattle ' +
  'chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur ' +
  'dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard ' +
  'lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain ' +
  'mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree ' +
  'plain plate poppy porcupine possum rabbit raccoon ray road rocket ' +
  'rose sea seal shark shrew skunk skyscraper snail snake spider ' +
  'squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor ' +
  'train trout tulip turtle wardrobe whale willow_tree wolf woman worm'
).split(' ');

/**
 * Parses `fine_label_names.txt`: a name a line.
 *
 * @param path for messages only.
 * @throws Error where it holds other than 100 different names.
 */
export function parseCifar100Labels(text: string, path: string): string[] {
  const names = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const different = new Set(names).size;
  if (names.length !== 100 || different !== 100)
    throw new Error(
      `Cannot read class names "${path}" as it must hold 100 different names, one a line: current value is ${names.length} names, ${different} of them different; download it again, or remove it to use ebb's own list`,
    );
  return names;
}
