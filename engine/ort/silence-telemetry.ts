/**
 * Keeps onnxruntime from keeping a log of its use in the user's cache folder and from sending it to mobile.events.data.microsoft.com (1.29 and
 * newer; its core/platform/posix/telemetry.cc): what a device computes is its owner's affair, and the threads that send it have crashed
 * processes (its issue 32173). To be called on the main thread before the library is loaded, as a worker's environment is a copy. What the
 * user has set stays.
 */
export function silenceTelemetry(env: NodeJS.ProcessEnv = process.env): void {
  env.ORT_DISABLE_TELEMETRY ??= '1';
}
