/** A level's accuracy: right answers of so many samples, or a bare share that is taken as exact; null if nobody counted. */
export type LevelAccuracy =
  | Readonly<{ value: number; count: number; data?: string; split?: string }>
  | number
  | null;

type Counted = Exclude<LevelAccuracy, number | null>;

const z95 = 1.96;

/** The shares of right answers that `correct` of `count` speak for, at 95% (Wilson 1927): never below 0 nor above 1. */
export function wilsonInterval(correct: number, count: number): [low: number, high: number] {
  const share = correct / count;
  const square = z95 ** 2 / count;
  const middle = (share + square / 2) / (1 + square);
  const half = (z95 / (1 + square)) * Math.sqrt((share * (1 - share)) / count + square / (4 * count));
  return [middle - half, middle + half];
}

/**
 * The 95% interval of the difference `a` - `b` of two shares: Newcombe's hybrid score interval (Statistics in Medicine 17, 1998, 873-890, method
 * 10). It takes the counts as independent. Levels are counted on the same samples, of which each answers mostly the same ones right; a bundle
 * keeps only the counts, and without the pairs this interval is too wide rather than too narrow.
 */
export function differenceInterval(a: Counted, b: Counted): [low: number, high: number] {
  const [lowA, highA] = wilsonInterval(a.value * a.count, a.count);
  const [lowB, highB] = wilsonInterval(b.value * b.count, b.count);
  const difference = a.value - b.value;
  return [
    difference - Math.hypot(a.value - lowA, highB - b.value),
    difference + Math.hypot(highA - a.value, b.value - lowB),
  ];
}

export const shareOf = (accuracy: LevelAccuracy | undefined): number | null =>
  accuracy === null || accuracy === undefined
    ? null
    : typeof accuracy === 'number'
      ? accuracy
      : accuracy.value;

/**
 * What is known of `a` against `b`. `unclear`: the counts are too small for the difference between them, the two were counted on different samples,
 * or one was not counted.
 */
export function compareAccuracy(
  a: LevelAccuracy | undefined,
  b: LevelAccuracy | undefined,
): 'more' | 'less' | 'equal' | 'unclear' {
  if (a === null || b === null || a === undefined || b === undefined) return 'unclear';
  const sign = (low: number, high: number) => (low > 0 ? 'more' : high < 0 ? 'less' : 'unclear');
  if (typeof a === 'number' && typeof b === 'number') return a > b ? 'more' : a < b ? 'less' : 'equal';
  if (typeof a === 'number') {
    const { value, count } = b as Counted;
    const [low, high] = wilsonInterval(value * count, count);
    return sign(a - high, a - low);
  }
  if (typeof b === 'number') {
    const [low, high] = wilsonInterval(a.value * a.count, a.count);
    return sign(low - b, high - b);
  }
  if (a.data !== b.data || a.split !== b.split) return 'unclear';
  return sign(...differenceInterval(a, b));
}

const mostSamples = 1e8;

/** The smallest number for which `is` holds; it must hold for all above, too. Undefined if it does not up to `most`. */
function smallest(most: number, is: (value: number) => boolean): number | undefined {
  if (!is(most)) return undefined;
  let [below, enough] = [0, most];
  while (enough - below > 1) {
    const middle = Math.floor((below + enough) / 2);
    if (is(middle)) enough = middle;
    else below = middle;
  }
  return enough;
}

/** How many samples would tell two such shares apart. Undefined if they are equal. */
export function samplesNeeded(a: number, b: number): number | undefined {
  return smallest(
    mostSamples,
    (count) => compareAccuracy({ value: a, count }, { value: b, count }) !== 'unclear',
  );
}

/** The smallest difference, as a share, that `count` samples tell apart from an accuracy of `share`. */
function leastDifference(share: number, count: number): number | undefined {
  const step = share < 0.5 ? 1 : -1;
  const right = smallest(
    count,
    (more) =>
      compareAccuracy(
        { value: share, count },
        { value: Math.min(1, Math.max(0, share + (step * more) / count)), count },
      ) !== 'unclear',
  );
  return right === undefined ? undefined : right / count;
}

/** Two digits are enough for what an estimate needs. */
const roughly = (value: number) => {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(value)) - 1);
  return (Math.ceil(value / unit) * unit).toLocaleString('en-US');
};

/**
 * What to tell people if the counts are too small to tell neighbouring levels apart, with the number of samples that would be enough.
 * @returns undefined if all neighbours can be told apart, or nothing was counted.
 */
export function describeUnclear(accuracies: readonly (LevelAccuracy | undefined)[]): string | undefined {
  const pairs = accuracies.slice(1).flatMap((b, index) => {
    const a = accuracies[index];
    const areCounted = a && b && typeof a === 'object' && typeof b === 'object';
    if (!areCounted || a.count !== b.count || compareAccuracy(a, b) !== 'unclear') return [];
    return [{ a, b, level: index, needed: samplesNeeded(a.value, b.value) }];
  });
  const [first] = pairs;
  if (first === undefined) return undefined;
  const right = ({ value, count }: Counted) => Math.round(value * count).toLocaleString('en-US');
  const told = pairs.map(
    ({ a, b, level }) => `${level} and ${level + 1} (${right(a)} and ${right(b)} right)`,
  );
  const known = pairs.flatMap(({ level, needed }) => (needed === undefined ? [] : [{ level, needed }]));
  const [least] = [...known].sort((a, b) => a.needed - b.needed);
  const { count, value } = first.a;
  const resolved = leastDifference(value, count);
  return [
    `${count.toLocaleString('en-US')} samples are too few to tell the accuracy of these levels apart: ${told.join(', ')}.`,
    ...(resolved === undefined
      ? []
      : [`They show differences of ${(100 * resolved).toFixed(1)} points or more.`]),
    least === undefined
      ? 'No difference was counted.'
      : `Levels ${least.level} and ${least.level + 1} would need at least ${roughly(least.needed)}.`,
    'Until then the denser level counts as the more accurate one.',
  ].join(' ');
}
