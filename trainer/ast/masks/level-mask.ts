/** By stream: 1 where a channel is kept. Streams that are not named are whole. */
export type ChannelMask = Map<string, Uint8Array>;

/** What one level keeps. */
export type LevelMask = {
  /** Over the flat vector of shared weights: 1 where a weight is kept. Weights that no mask may prune are 1. */
  weights: Uint8Array;
  /** Only with granularity `channel`; `weights` follows from it. */
  channels: ChannelMask;
};

export function wholeMask(weightCount: number): LevelMask {
  return { weights: new Uint8Array(weightCount).fill(1), channels: new Map() };
}

/** What both keep. */
export function intersect(a: LevelMask, b: LevelMask): LevelMask {
  const and = (x: Uint8Array, y: Uint8Array) => {
    const both = new Uint8Array(x.length);
    for (let i = 0; i < x.length; i += 1) both[i] = x[i] & y[i];
    return both;
  };
  const channels = new Map(
    [...a.channels].map(([stream, mask]) => {
      const other = b.channels.get(stream);
      return [stream, other ? and(mask, other) : mask.slice()];
    }),
  );
  return { weights: and(a.weights, b.weights), channels };
}

/** @param masks densest first. @throws Error where a sparser level keeps a weight that a denser one has pruned. */
export function assertNested(masks: LevelMask[]): void {
  for (let level = 1; level < masks.length; level += 1) {
    const denser = masks[level - 1].weights;
    const sparser = masks[level].weights;
    for (let i = 0; i < denser.length; i += 1)
      if (sparser[i] > denser[i])
        throw new Error(
          `Cannot use the masks as level ${level} must be nested in level ${level - 1}: weight ${i} is kept by the sparser alone`,
        );
  }
}

/** values * mask, as a new vector. */
export function applyMask(values: Float32Array, mask: Uint8Array): Float32Array {
  const masked = new Float32Array(values.length);
  for (let i = 0; i < values.length; i += 1) masked[i] = mask[i] === 0 ? 0 : values[i];
  return masked;
}
