/** EBB_PROGRAM_VERSION. */
export const programVersion = 2;

/** A step's fields in the order of `ebb_step` (kernels/program.h). */
export const stepFields = [
  'kind',
  'input',
  'inputPlane',
  'other',
  'otherPlane',
  'output',
  'outputPlane',
  'channels',
  'rows',
  'columns',
  'row',
  'activation',
  'lower',
  'upper',
  'table',
  'tableWords',
  'inputs',
  'inputRows',
  'inputColumns',
  'inputRow',
  'inputColumn',
  'kernelRows',
  'kernelColumns',
  'strideRows',
  'strideColumns',
  'dilationRows',
  'dilationColumns',
  'padTop',
  'padLeft',
  'padBottom',
  'padRight',
  'countPads',
] as const;

export type StepFields = { [field in (typeof stepFields)[number]]: number };

/** ebb_kind. */
export const kinds = {
  conv: 1,
  dense: 2,
  map: 3,
  copy: 4,
  maxPool: 5,
  averagePool: 6,
  mean: 7,
  softmax: 8,
  halves: 9,
} as const;

/** ebb_activation. */
export const activations = {
  none: 0,
  relu: 1,
  clip: 2,
  'leaky-relu': 3,
  'hard-swish': 4,
  sigmoid: 5,
} as const;

/** In place of a place: nothing, the net's input, the net's output. */
export const places = { nowhere: -1, input: -2, output: -3 } as const;

/** A step's words; fields that are not given are 0. */
export function stepWords(fields: Partial<StepFields>): Int32Array {
  const words = new Int32Array(stepFields.length);
  const floats = new Float32Array(words.buffer);
  stepFields.forEach((field, index) => {
    const target = field === 'lower' || field === 'upper' ? floats : words;
    target[index] = fields[field] ?? (field === 'other' ? places.nowhere : 0);
  });
  return words;
}
