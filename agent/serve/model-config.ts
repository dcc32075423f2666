import type { Manifest } from '../../bundle/manifest.ts';

/**
 * What a Triton client asks for as the model's configuration: the part of `ModelConfig` that holds here, with the names and enums of its JSON.
 * `dims` are those of one input, as `max_batch_size` stands for the first one.
 * Source: https://github.com/triton-inference-server/common, protobuf/model_config.proto
 */
export function modelConfig(manifest: Manifest, maxBatch: number): object {
  const { input, output } = manifest;
  return {
    name: manifest.name,
    platform: 'onnxruntime_onnx',
    backend: 'onnxruntime',
    // Every level answers.
    version_policy: { all: {} },
    max_batch_size: maxBatch,
    input: [
      {
        name: input.name,
        data_type: 'TYPE_FP32',
        // FORMAT_NCHW is for images alone: three dims.
        format: input.layout === 'NCHW' && input.shape.length === 4 ? 'FORMAT_NCHW' : 'FORMAT_NONE',
        dims: input.shape.slice(1),
      },
    ],
    output: [{ name: output.name, data_type: 'TYPE_FP32', dims: output.shape.slice(1) }],
  };
}
