import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import { length, type SignedDistance } from './outlines.ts';

/**
 * What makes the set hard. Chosen so that a ResNet-8 with three nested sub-nets (`--levels 0,0.8,0.9 --granularity channel --epochs 1.5`, 280
 * steps of 64 images) learns it within a minute or two without being done with it: 86, 84 and 82% of the test images.
 */
const difficulty = {
  /** Radius of the figure, in shares of half the image's side. */
  radius: [0.6, 0.85],
  /** One axis against the other. */
  stretch: [0.82, 1.22],
  /** Turn to either side, as its tangent: up to 23 degrees. */
  turn: 0.43,
  /** Grey of the ground in the middle of the image, and how much brighter the figure is, in 0..1. */
  ground: [0.1, 0.45],
  contrast: [0.25, 0.58],
  /** Share of figures of which only the outline is drawn, and its width in pixels. */
  outlineShare: 0.5,
  outlinePx: [1.8, 3],
  /** Number of strokes that mean nothing; each lies below or above the figure. */
  strokes: [0, 3],
  strokePx: [0.8, 2.4],
  strokeContrast: [0.1, 0.5],
  /** Largest change of the ground's grey from the middle to an edge. */
  slope: 0.15,
  /** Standard deviation of the noise, in 0..1. */
  noise: [0.03, 0.14],
} as const;

type Stroke = {
  ax: number;
  ay: number;
  ex: number;
  ey: number;
  square: number;
  halfPx: number;
  grey: number;
};

/** Draws one image of `size` x `size` grey pixels into `pixels`, every quantity taken from `random`. */
export function drawImage(
  pixels: Uint8Array,
  size: number,
  distance: SignedDistance,
  random: RandomGenerator,
): void {
  const half = size / 2;
  const radiusPx = between(random, difficulty.radius) * half;
  const roomPx = half - radiusPx * 0.9;
  const centreX = half + between(random, [-roomPx, roomPx]);
  const centreY = half + between(random, [-roomPx, roomPx]);
  const [cos, sin] = turned(between(random, [-difficulty.turn, difficulty.turn]));
  const stretch = Math.sqrt(between(random, difficulty.stretch));
  const ground = between(random, difficulty.ground);
  const slopeX = (between(random, [-1, 1]) * difficulty.slope) / half;
  const slopeY = (between(random, [-1, 1]) * difficulty.slope) / half;
  const contrast = between(random, difficulty.contrast);
  const strokes = drawStrokes(random, size, ground);
  const below = strokes.filter((_, i) => i % 2 === 0);
  const above = strokes.filter((_, i) => i % 2 === 1);
  const noise = between(random, difficulty.noise);
  const outlinePx = unit(random) < difficulty.outlineShare ? between(random, difficulty.outlinePx) : 0;

  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      const x = column + 0.5;
      const y = row + 0.5;
      let grey = ground + slopeX * (x - half) + slopeY * (y - half);
      for (const stroke of below) grey = paint(grey, stroke, x, y);
      const dx = x - centreX;
      const dy = y - centreY;
      if (dx * dx + dy * dy < (radiusPx * 1.3 + 2) ** 2) {
        const alongX = ((dx * cos + dy * sin) / radiusPx) * stretch;
        const alongY = (dy * cos - dx * sin) / radiusPx / stretch;
        const outside = distance(alongX, alongY) * radiusPx;
        const edge = outlinePx > 0 ? Math.abs(outside + outlinePx / 2) - outlinePx / 2 : outside;
        grey += contrast * clamp(0.5 - edge);
      }
      for (const stroke of above) grey = paint(grey, stroke, x, y);
      grey += noise * bell(random);
      pixels[row * size + column] = Math.round(clamp(grey) * 255);
    }
  }
}

function drawStrokes(random: RandomGenerator, size: number, ground: number): Stroke[] {
  const [fewest, most] = difficulty.strokes;
  const count = fewest + Math.floor(unit(random) * (most - fewest + 1));
  return Array.from({ length: count }, () => {
    const ax = between(random, [0, size]);
    const ay = between(random, [0, size]);
    const [cos, sin] = direction(random);
    const lengthPx = between(random, [size * 0.15, size * 0.6]);
    const side = unit(random) < 0.5 ? -1 : 1;
    return {
      ax,
      ay,
      ex: cos * lengthPx,
      ey: sin * lengthPx,
      square: lengthPx * lengthPx,
      halfPx: between(random, difficulty.strokePx) / 2,
      grey: ground + side * between(random, difficulty.strokeContrast),
    };
  });
}

/** Lays a stroke over a pixel's grey, with smooth edges. */
function paint(grey: number, stroke: Stroke, x: number, y: number): number {
  const wx = x - stroke.ax;
  const wy = y - stroke.ay;
  const along = clamp((wx * stroke.ex + wy * stroke.ey) / stroke.square);
  const cover = clamp(0.5 - (length(wx - stroke.ex * along, wy - stroke.ey * along) - stroke.halfPx));
  return grey + (stroke.grey - grey) * cover;
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}

/** Uniform in [0, 1). */
function unit(random: RandomGenerator): number {
  return (random.next() >>> 0) / 2 ** 32;
}

function between(random: RandomGenerator, [low, high]: readonly [number, number]): number {
  return low + (high - low) * unit(random);
}

/** A direction as (cos, sin), all equally likely, without trigonometry: a point of the disc, brought to length 1. */
function direction(random: RandomGenerator): [number, number] {
  for (;;) {
    const x = between(random, [-1, 1]);
    const y = between(random, [-1, 1]);
    const radius = length(x, y);
    if (radius > 0.1 && radius <= 1) return [x / radius, y / radius];
  }
}

/** (cos, sin) of the angle with that tangent. */
function turned(tangent: number): [number, number] {
  const secant = Math.sqrt(1 + tangent * tangent);
  return [1 / secant, tangent / secant];
}

/** About normal with mean 0 and standard deviation 1: the sum of four uniform bytes (each of variance 65535 / 12). */
function bell(random: RandomGenerator): number {
  const bits = random.next();
  const sum = (bits & 255) + ((bits >>> 8) & 255) + ((bits >>> 16) & 255) + (bits >>> 24);
  return (sum - 510) / 147.8;
}
