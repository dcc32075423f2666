import type { Pads, Pair, Window } from './graph.ts';
import type { NodeReader } from './node-reader.ts';

/** The window of a convolution or pool, and the size of its output (ONNX operators Conv, MaxPool, AveragePool). */
export function readWindow(
  reader: NodeReader,
  [height, width]: Pair,
  kernel: Pair,
): { window: Window; size: Pair } {
  const pair = (name: string, standard: number): Pair => {
    const found = reader.integers(name) ?? [standard, standard];
    const [vertical, horizontal] = found;
    if (found.length !== 2 || !isPositive(vertical) || !isPositive(horizontal))
      throw reader.unsupported(
        `attribute "${name}" must be two positive integers: current value is [${found.join(', ')}]`,
      );
    return [vertical, horizontal];
  };
  const stride = pair('strides', 1);
  const dilation = pair('dilations', 1);
  const roundUp = reader.integer('ceil_mode', 0) === 1;
  const reach: Pair = [(kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1];
  const pads = readPads(reader, { size: [height, width], stride, reach });
  const along = (size: number, before: number, after: number, axis: 0 | 1) => {
    const steps = (size + before + after - reach[axis]) / stride[axis];
    const count = (roundUp ? Math.ceil(steps) : Math.floor(steps)) + 1;
    // A window that would begin in the padding behind the image is left out (ONNX, ceil_mode).
    return roundUp && (count - 1) * stride[axis] >= size + before ? count - 1 : count;
  };
  const size: Pair = [along(height, pads.top, pads.bottom, 0), along(width, pads.left, pads.right, 1)];
  return { window: { kernel, stride, dilation, pads }, size };
}

function readPads(
  reader: NodeReader,
  { size, stride, reach }: { size: Pair; stride: Pair; reach: Pair },
): Pads {
  const auto = reader.text('auto_pad', 'NOTSET');
  if (auto === 'NOTSET') {
    const [top = 0, left = 0, bottom = 0, right = 0] = reader.integers('pads') ?? [];
    reader.require(
      [top, left, bottom, right].every((pad) => Number.isInteger(pad) && pad >= 0),
      () =>
        `attribute "pads" must hold no negative number: current value is [${[top, left, bottom, right].join(', ')}]`,
    );
    return { top, left, bottom, right };
  }
  if (auto === 'VALID') return { top: 0, left: 0, bottom: 0, right: 0 };
  reader.require(
    auto === 'SAME_UPPER' || auto === 'SAME_LOWER',
    () => `attribute "auto_pad" must be NOTSET, VALID, SAME_UPPER or SAME_LOWER: current value is ${auto}`,
  );
  const around = (axis: 0 | 1): Pair => {
    const count = Math.ceil(size[axis] / stride[axis]);
    const missing = Math.max(0, (count - 1) * stride[axis] + reach[axis] - size[axis]);
    const less = Math.floor(missing / 2);
    return auto === 'SAME_UPPER' ? [less, missing - less] : [missing - less, less];
  };
  const [top, bottom] = around(0);
  const [left, right] = around(1);
  return { top, left, bottom, right };
}

function isPositive(value: number | undefined): value is number {
  return Number.isInteger(value) && Number(value) > 0;
}
