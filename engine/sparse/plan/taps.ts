import type { ConvNode, Value } from '../graph/graph.ts';

/** One place of a convolution's kernel, as it is read from phase planes. */
export type Tap = {
  /** Index of the phase among those that the convolution's input was split into. */
  phase: number;
  /** From an output's pixel to the input's, in rows and columns of the phase. */
  rows: number;
  columns: number;
};

/** Which of every `stride` rows and columns. */
export type Phase = { row: number; column: number };

/**
 * The kernel's places, row by row. A convolution of stride s reads s * s phases of its input with stride 1: row `o * s + u` is row `o + q` of
 * phase p, where `u = q * s + p`.
 */
export function tapsOf(node: Pick<ConvNode, 'window'>): { taps: (Tap & { key: Phase })[]; phases: Phase[] } {
  const { kernel, stride, dilation, pads } = node.window;
  const phases: Phase[] = [];
  const taps = [];
  for (let i = 0; i < kernel[0]; i += 1)
    for (let j = 0; j < kernel[1]; j += 1) {
      const down = i * dilation[0] - pads.top;
      const across = j * dilation[1] - pads.left;
      const rows = Math.floor(down / stride[0]);
      const columns = Math.floor(across / stride[1]);
      const key = { row: down - rows * stride[0], column: across - columns * stride[1] };
      let phase = phases.findIndex(({ row, column }) => row === key.row && column === key.column);
      if (phase < 0) phase = phases.push(key) - 1;
      taps.push({ phase, rows, columns, key });
    }
  return { taps, phases };
}

export type Margins = { top: number; left: number; bottom: number; right: number };

/** How far the taps reach over the border of `input` for all pixels of `output`. */
export function marginsOf(taps: Tap[], input: Value, output: Value): Margins {
  const [, height = 1, width = 1] = input.shape;
  const [, outHeight = 1, outWidth = 1] = output.shape;
  const rows = taps.map((tap) => tap.rows);
  const columns = taps.map((tap) => tap.columns);
  return {
    top: Math.max(0, -Math.min(...rows)),
    left: Math.max(0, -Math.min(...columns)),
    bottom: Math.max(0, outHeight - height + Math.max(...rows)),
    right: Math.max(0, outWidth - width + Math.max(...columns)),
  };
}
