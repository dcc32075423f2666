import { decodeModel } from '../../bundle/onnx/decode-model.ts';
import type { Backend } from '../thread/backend.ts';
import type { ThreadData } from '../thread/protocol.ts';
import { planLevels } from './plan/plan-levels.ts';
import { openRuntime } from './runtime/open-runtime.ts';

/**
 * Opens all levels in one image of the weights.
 * @throws UnsupportedModelError where the sparse engine cannot run one of them.
 */
export async function openSparse(data: ThreadData): Promise<Backend> {
  const { runtime, slower } = openRuntime(planLevels(data.models.map(decodeModel)));
  return {
    opened: {
      name: 'sparse',
      provider: runtime.name,
      skipped: slower === undefined ? [] : [{ engine: 'sparse', provider: 'native', reason: slower }],
    },
    run: (level, input, batch, threads) => runtime.run(level, input, batch, threads),
  };
}
