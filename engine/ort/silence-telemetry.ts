/**
 * Keeps onnxruntime from keeping a log of its use in the user's cache folder and sending it to its makers, as its builds since 1.30 do (its
 * core/platform/posix/telemetry.cc): what a device computes is its owner's affair. To be called on the main thread before the library is
 * loaded, as a worker's environment is a copy. What the user has set stays.
 */
export function silenceTelemetry(env: NodeJS.ProcessEnv = process.env): void {
  env.ORT_DISABLE_TELEMETRY ??= '1';
}
