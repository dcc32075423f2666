/**
 * Keeps onnxruntime from keeping a log of its use in the user's cache folder, which it has the means to upload (1.30; its
 * core/platform/posix/telemetry.cc): what a device computes is its owner's affair. To be called on the main thread before the library is
 * loaded, as a worker's environment is a copy. What the user has set stays.
 */
export function silenceTelemetry(env: NodeJS.ProcessEnv = process.env): void {
  env.ORT_DISABLE_TELEMETRY ??= '1';
}
