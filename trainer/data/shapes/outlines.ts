/**
 * Signed distance to a figure's outline at (x, y): negative inside, positive outside. Figures lie within the unit circle about the origin.
 */
export type SignedDistance = (x: number, y: number) => number;

type Point = [number, number];

/** Corner `i` of `n` on a circle, with (cos, sin) written out: no machine may round a library's sine in its own way. */
const pentagonCorners: Point[] = [
  [0, -1],
  [0.951057, -0.309017],
  [0.587785, 0.809017],
  [-0.587785, 0.809017],
  [-0.951057, -0.309017],
];

const starCorners: Point[] = pentagonCorners.flatMap((corner, i) => {
  const next = pentagonCorners[(i + 1) % pentagonCorners.length];
  // The inner corner lies on the bisector of two outer ones; 0.809017 is that bisector's length.
  const inner: Point = [
    ((corner[0] + next[0]) / 2 / 0.809017) * 0.45,
    ((corner[1] + next[1]) / 2 / 0.809017) * 0.45,
  ];
  return [corner, inner];
});

/** The ten classes, in the order of their labels. Each is its own mirror image left to right; none turns into another. */
export const figures: { name: string; distance: SignedDistance }[] = [
  { name: 'disc', distance: (x, y) => length(x, y) - 0.85 },
  { name: 'crescent', distance: (x, y) => Math.max(length(x, y) - 0.95, 0.8 - length(x, y - 0.5)) },
  { name: 'half-disc', distance: (x, y) => Math.max(length(x, y + 0.35) - 0.95, -0.35 - y) },
  {
    name: 'triangle',
    distance: polygon([
      [0, -1],
      [0.866025, 0.5],
      [-0.866025, 0.5],
    ]),
  },
  {
    name: 'square',
    distance: polygon([
      [-0.7, -0.7],
      [0.7, -0.7],
      [0.7, 0.7],
      [-0.7, 0.7],
    ]),
  },
  { name: 'pentagon', distance: polygon(pentagonCorners) },
  { name: 'star', distance: polygon(starCorners) },
  {
    name: 'cross',
    distance: polygon([
      [-0.3, -0.95],
      [0.3, -0.95],
      [0.3, -0.3],
      [0.95, -0.3],
      [0.95, 0.3],
      [0.3, 0.3],
      [0.3, 0.95],
      [-0.3, 0.95],
      [-0.3, 0.3],
      [-0.95, 0.3],
      [-0.95, -0.3],
      [-0.3, -0.3],
    ]),
  },
  {
    name: 'arrow',
    distance: polygon([
      [0, -1],
      [0.75, -0.1],
      [0.28, -0.1],
      [0.28, 0.95],
      [-0.28, 0.95],
      [-0.28, -0.1],
      [-0.75, -0.1],
    ]),
  },
  {
    name: 'hourglass',
    distance: polygon([
      [-0.6, -0.8],
      [0.6, -0.8],
      [0.14, 0],
      [0.6, 0.8],
      [-0.6, 0.8],
      [-0.14, 0],
    ]),
  },
];

/** Math.hypot may differ between machines in its last bit; Math.sqrt may not. */
export function length(x: number, y: number): number {
  return Math.sqrt(x * x + y * y);
}

/** Exact distance to a polygon: nearest edge, sign by crossings (https://iquilezles.org/articles/distfunctions2d, "Polygon"). */
function polygon(corners: Point[]): SignedDistance {
  const edges = corners.map(([ax, ay], i) => {
    const [bx, by] = corners[(i + corners.length - 1) % corners.length];
    const ex = bx - ax;
    const ey = by - ay;
    return { ax, ay, by, ex, ey, square: ex * ex + ey * ey };
  });
  return (x, y) => {
    let nearest = Number.POSITIVE_INFINITY;
    let sign = 1;
    for (const { ax, ay, by, ex, ey, square } of edges) {
      const wx = x - ax;
      const wy = y - ay;
      const along = Math.min(1, Math.max(0, (wx * ex + wy * ey) / square));
      const dx = wx - ex * along;
      const dy = wy - ey * along;
      nearest = Math.min(nearest, dx * dx + dy * dy);
      const right = ex * wy > ey * wx;
      if (y >= ay === y < by && right === y < by) sign = -sign;
    }
    return sign * Math.sqrt(nearest);
  };
}
