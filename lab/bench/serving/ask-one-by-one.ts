import { isBitEqual, type OwnOutputs } from '../own-outputs.ts';

/** One answer of a turn. */
export type TurnAnswer = {
  /** From the call to the answer, as the caller sees it. */
  latencyMs: number;
  /** The inference alone, where the answer tells. */
  inferMs?: number;
  level: number;
  /** Bit-equal to what the level makes of the input. */
  isOwn: boolean;
};

export type Ask = (
  input: Float32Array,
) => Promise<{ output: Float32Array; level: number; inferMs?: number | undefined }>;

/** Asks `count` times, each time when the last answer has come. */
export async function askOneByOne(
  ask: Ask,
  { inputs, outputs }: OwnOutputs,
  count: number,
): Promise<TurnAnswer[]> {
  const answers: TurnAnswer[] = [];
  for (let index = 0; index < count; index += 1) {
    const which = index % inputs.length;
    const startMs = performance.now();
    const { output, level, inferMs } = await ask(inputs[which]);
    const latencyMs = performance.now() - startMs;
    const isOwn = isBitEqual(output, outputs[level][which]);
    answers.push({ latencyMs, level, isOwn, ...(inferMs === undefined ? {} : { inferMs }) });
  }
  return answers;
}
