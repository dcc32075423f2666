/**
 * Keeps onnxruntime from keeping a log of its use in the user's cache folder and from sending it to mobile.events.data.microsoft.com (1.29 and
 * newer; its core/platform/posix/telemetry.cc): what a device computes is its owner's affair, and the threads that send it have crashed
 * processes (its issue 32173). What the user has set stays.
 *
 * Call it on the main thread before an engine is opened, as a worker's environment is a copy. `ebb` does so; a program that uses ebb as
 * a library decides for itself, as this changes its environment.
 */
export function silenceTelemetry(env: NodeJS.ProcessEnv = process.env): void {
  env.ORT_DISABLE_TELEMETRY ??= '1';
}
