import type { Activation, Value } from '../graph/graph.ts';
import type { Layout } from './layouts.ts';
import type { FlatStep } from './lower.ts';
import { activations, kinds, type StepFields, places as special } from './step-words.ts';

/** A value in memory. */
export type At = Layout & { place: number; channels: number };

export const copy = { kind: kinds.copy } as const;

export function read(input: At): Partial<StepFields> {
  return {
    input: input.place,
    inputPlane: input.plane,
    inputRows: input.rows,
    inputColumns: input.columns,
    inputRow: input.row,
  };
}

export function written({ place, plane, channels, rows, columns, row }: At): Partial<StepFields> {
  return { output: place, outputPlane: plane, channels, rows, columns, row };
}

export function added(other: At | undefined): Partial<StepFields> {
  return other ? { other: other.place, otherPlane: other.plane } : { other: special.nowhere };
}

export function productFields(
  step: Extract<FlatStep, { kind: 'conv' | 'dense' }>,
  at: (value: Value) => At,
): Partial<StepFields> {
  return {
    kind: kinds[step.kind],
    ...read(at(step.input)),
    ...written(at(step.output)),
    ...added(step.other && at(step.other)),
    ...activationFields(step.activation),
  };
}

export function activationFields(activation: Activation | undefined): Partial<StepFields> {
  if (activation === undefined) return { activation: activations.none };
  const kind = activations[activation.kind];
  switch (activation.kind) {
    case 'clip':
      return { activation: kind, lower: activation.min, upper: activation.max };
    case 'leaky-relu':
      return { activation: kind, lower: activation.slope };
    default:
      return { activation: kind };
  }
}

/** Channel by channel, pixel by pixel; vectors in one row. */
export function copyPlanes(input: At, output: At): Partial<StepFields> {
  if (input.plane === 1) return { ...copy, ...vectorCopy(input.place, output.place, input.channels) };
  return {
    ...copy,
    ...read(input),
    inputColumn: 1,
    output: output.place,
    outputPlane: output.plane,
    channels: input.channels,
    rows: input.rows,
    columns: input.columns,
    row: output.row,
  };
}

function vectorCopy(input: number, output: number, size: number): Partial<StepFields> {
  return { input, inputColumn: 1, output, channels: 1, rows: 1, columns: size };
}

export function flattened(input: At, output: number): Partial<StepFields> {
  const { rows, columns, channels } = input;
  return {
    ...copy,
    ...read(input),
    inputColumn: 1,
    output,
    outputPlane: rows * columns,
    channels,
    rows,
    columns,
    row: columns,
  };
}

export function unflattened(input: number, output: At): Partial<StepFields> {
  const { rows, columns } = output;
  return {
    ...copy,
    input,
    inputPlane: rows * columns,
    inputRow: columns,
    inputColumn: 1,
    ...written(output),
  };
}

export function copyIn(value: Value, to: At): Partial<StepFields> {
  if (value.shape.length === 1) return { ...copy, ...vectorCopy(special.input, to.place, value.shape[0]) };
  return unflattened(special.input, to);
}

export function copyOut(value: Value, from: At): Partial<StepFields> {
  if (value.shape.length === 1) return { ...copy, ...vectorCopy(from.place, special.output, value.shape[0]) };
  return flattened(from, special.output);
}
