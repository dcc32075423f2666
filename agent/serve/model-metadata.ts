import type { Manifest } from '../../bundle/manifest.ts';
import { describeSamples, preprocessingFormula } from '../../bundle/preprocess.ts';

/** Which engine runs each level, and which do not run and why. */
export type LevelEngines = {
  /** Such as `sparse (native-avx2)`, level 0 first. */
  levels: readonly string[];
  skipped: readonly { engine: string; provider: string; reason: string }[];
};

/**
 * The model's metadata: `$metadata_model_response` of the Open Inference Protocol, each level being a version.
 *
 * The `parameters` are ebb's: how a client makes the input of what it has, which class an output stands for, and what each level is worth.
 * Source: https://github.com/kserve/open-inference-protocol, specification/protocol/inference_rest.md
 */
export function modelMetadata(manifest: Manifest, engines?: LevelEngines): object {
  const { input, output, levels, labels } = manifest;
  const tensor = ({ name, shape }: Manifest['input'] | Manifest['output']) => ({
    name,
    datatype: 'FP32',
    shape: [-1, ...shape.slice(1)],
  });
  return {
    name: manifest.name,
    versions: levels.map((_, level) => String(level)),
    platform: 'onnxruntime_onnx',
    inputs: [
      {
        ...tensor(input),
        parameters: {
          layout: input.layout,
          values: describeSamples(manifest),
          formula: preprocessingFormula,
          ...input.preprocessing,
        },
      },
    ],
    outputs: [{ ...tensor(output), parameters: { values: 'logits', labels } }],
    parameters: {
      levels: levels.map(({ sparsity, macs, accuracy }, level) => ({
        version: String(level),
        sparsity,
        macs,
        accuracy: accuracy?.value ?? null,
        ...(engines ? { engine: engines.levels[level] } : {}),
      })),
      ...(engines && engines.skipped.length > 0 ? { engines_not_running: engines.skipped } : {}),
    },
  };
}
