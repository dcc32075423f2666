/** The sparse engine cannot run a model: onnxruntime can. */
export class UnsupportedModelError extends Error {
  readonly code = 'UNSUPPORTED_MODEL';
  override readonly name = 'UnsupportedModelError';
}
