import type { ConvNode, Value } from '../graph/graph.ts';
import type { FusedGraph, FusedStep } from './fuse.ts';
import { type Phase, type Tap, tapsOf } from './taps.ts';

/** A convolution of stride 1 over the planes of its input, or of its input's phases. */
export type FlatConv = Extract<FusedStep, { kind: 'conv' }> & { taps: Tap[] };
export type FlatDense = Extract<FusedStep, { kind: 'dense' }>;

/** Splits an image into phases: every `stride`th row and column of it, from (`row`, `column`) on. */
export type SplitStep = {
  kind: 'split';
  name: string;
  input: Value;
  /** Phase by phase: `[phases * channels, height, width]`. */
  output: Value;
  stride: [number, number];
  phases: Phase[];
};

export type FlatStep = Exclude<FusedStep, { kind: 'conv' }> | FlatConv | SplitStep;

export type FlatGraph = { input: Value; output: Value; steps: FlatStep[] };

/** Makes every convolution one of stride 1; those that read the same image with the same stride share its phases. */
export function lower({ input, output, steps }: FusedGraph): FlatGraph {
  const wanted = new Map<string, SplitStep>();
  for (const step of steps)
    if (step.kind === 'conv' && isStrided(step)) {
      const split = splitOf(wanted, step);
      for (const phase of tapsOf(step).phases) if (indexOf(split.phases, phase) < 0) split.phases.push(phase);
      split.output = phasesOf(step.input, split);
    }
  const done = new Set<SplitStep>();
  const flat: FlatStep[] = [];
  for (const step of steps) {
    if (step.kind !== 'conv') flat.push(step);
    else if (!isStrided(step)) flat.push({ ...step, taps: tapsOf(step).taps });
    else {
      const split = splitOf(wanted, step);
      if (!done.has(split)) flat.push(split);
      done.add(split);
      const taps = tapsOf(step).taps.map(({ key, ...tap }) => ({
        ...tap,
        phase: indexOf(split.phases, key),
      }));
      flat.push({ ...step, input: split.output, taps });
    }
  }
  return { input, output, steps: flat };
}

function isStrided({ window }: Pick<ConvNode, 'window'>): boolean {
  return window.stride[0] > 1 || window.stride[1] > 1;
}

function indexOf(phases: Phase[], { row, column }: Phase): number {
  return phases.findIndex((phase) => phase.row === row && phase.column === column);
}

function splitOf(
  wanted: Map<string, SplitStep>,
  { input, window }: Pick<ConvNode, 'input' | 'window'>,
): SplitStep {
  const name = `${input.name}, every ${window.stride.join(' x ')}`;
  const known = wanted.get(name);
  if (known) return known;
  const split: SplitStep = { kind: 'split', name, input, output: input, stride: window.stride, phases: [] };
  wanted.set(name, split);
  return split;
}

function phasesOf(input: Value, { name, stride, phases }: SplitStep): Value {
  const [channels, height = 1, width = 1] = input.shape;
  const size = [Math.ceil(height / stride[0]), Math.ceil(width / stride[1])] as const;
  return { name, shape: [phases.length * channels, ...size] };
}
