import { decodeModel } from '../../bundle/onnx/decode-model.ts';
import type { Backend } from '../thread/backend.ts';
import type { ThreadData } from '../thread/protocol.ts';
import { planLevels } from './plan/plan-levels.ts';
import { findRuntime } from './runtime/find-runtime.ts';
import { tuneForms } from './tune-forms.ts';

/**
 * Opens all levels in one image of the weights.
 * @throws UnsupportedModelError where the sparse engine cannot run one of them.
 */
export async function openSparse(data: ThreadData): Promise<Backend> {
  const { open, trim, slower } = findRuntime();
  // Decoded models, as large as the files, and plans are needed to open and to tune alone: nothing here keeps them.
  const decode = () => data.models.map(decodeModel);
  const usual = planLevels(decode());
  const { products } = usual;
  let runtime = open(usual);
  return {
    opened: {
      name: 'sparse',
      provider: runtime.name,
      skipped: slower === undefined ? [] : [{ engine: 'sparse', provider: 'native', reason: slower }],
    },
    run: (level, input, batch, threads) => runtime.run(level, input, batch, threads),
    memory: () => ({ bytes: runtime.memoryBytes, isExact: true }),
    ...(trim ? { trim } : {}),
    tune(known) {
      const models = decode();
      const forms = known ?? tuneForms(models, products, open);
      const tuned = open(planLevels(models, forms));
      runtime.close();
      runtime = tuned;
      return forms;
    },
  };
}
