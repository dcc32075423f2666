import type { Agent } from '../agent.ts';
import type { ReadInput } from './image-input.ts';

/** What became of one file. */
export type Classified =
  | { file: string; label: string; confidence: number; level: number; latencyMs: number }
  | { file: string; error: string };

/** As many as stand with the engine: nobody waits behind another, so that nothing is refused for being late. */
const atOnce = 2;

/**
 * Classifies files as their names come, a few at once, and tells the outcomes in the order of the names. A file that cannot be read or classified
 * costs no other.
 * @param confidence of the answer: its softmax, 0..1.
 */
export async function classifyFiles(options: {
  files: AsyncIterable<string>;
  agent: Pick<Agent, 'infer'>;
  read: ReadInput;
  labels: readonly string[];
  tell: (outcome: Classified) => void;
  monotonicMs?: () => number;
}): Promise<{ classified: number; failed: number }> {
  const { files, agent, read, labels, tell, monotonicMs = () => performance.now() } = options;
  const counts = { classified: 0, failed: 0 };

  async function classify(file: string): Promise<Classified> {
    const startMs = monotonicMs();
    try {
      const input = await read(file);
      const { output, level } = await agent.infer(input);
      const { index, confidence } = best(output);
      const latencyMs = monotonicMs() - startMs;
      return { file, label: labels[index] ?? String(index), confidence, level, latencyMs };
    } catch (error) {
      return { file, error: (error as Error).message };
    }
  }

  const tellings: Promise<void>[] = [];
  let last = Promise.resolve();
  const tellAfter = async (before: Promise<void>, outcome: Promise<Classified>) => {
    await before;
    const told = await outcome;
    counts['error' in told ? 'failed' : 'classified'] += 1;
    tell(told);
  };
  for await (const file of files) {
    last = tellAfter(last, classify(file));
    tellings.push(last);
    if (tellings.length >= atOnce) await tellings.shift();
  }
  await last;
  return counts;
}

/** The largest of a net's outputs, and its softmax. */
function best(logits: Float32Array): { index: number; confidence: number } {
  const largest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const sum = logits.reduce((total, value) => total + Math.exp(value - largest), 0);
  return { index: logits.indexOf(largest), confidence: 1 / sum };
}
