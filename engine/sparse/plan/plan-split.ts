import type { SplitStep } from './lower.ts';
import { type At, copy } from './step-fields.ts';
import { kinds, type StepFields } from './step-words.ts';

/** A copy for each phase; two that take turns along a row are read together. */
export function planSplit({ phases, stride }: SplitStep, input: At, output: At): Partial<StepFields>[] {
  const { channels } = input;
  const places = phases.map((_, index) => output.place + index * channels * output.plane);
  const steps: Partial<StepFields>[] = [];
  const done = new Set<number>();
  for (const [index, phase] of phases.entries()) {
    if (done.has(index)) continue;
    const [row, column] = [phase.row, phase.column];
    const common = {
      inputPlane: input.plane,
      inputRow: input.row * stride[0],
      output: places[index] ?? 0,
      outputPlane: output.plane,
      channels,
      // The last row and column of a phase may be missing: they are zero from the beginning.
      rows: Math.ceil((input.rows - row) / stride[0]),
      row: output.row,
    };
    const pair = [0, 1].map((side) =>
      phases.findIndex((other) => other.row === row && other.column === side),
    );
    const [even = -1, odd = -1] = stride[1] === 2 ? pair : [];
    if (even >= 0 && odd >= 0) {
      done.add(even).add(odd);
      steps.push({
        ...common,
        kind: kinds.halves,
        input: input.place + row * input.row,
        inputColumns: input.columns,
        columns: Math.ceil(input.columns / 2),
        output: places[even] ?? 0,
        other: places[odd] ?? 0,
      });
    } else
      steps.push({
        ...common,
        ...copy,
        input: input.place + row * input.row + column,
        inputColumn: stride[1],
        columns: Math.ceil((input.columns - column) / stride[1]),
      });
  }
  return steps;
}
