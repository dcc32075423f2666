import { InferenceSession } from 'onnxruntime-node';

/** ONNX: `y = Relu(x)`, one number. */
export const smallestModel = Buffer.from(
  'CAgSA2ViYjo2CgwKAXgSAXkiBFJlbHUSBHRpbnlaDwoBeBIKCggIARIECgIIAWIPCgF5EgoKCAgBEgQKAggBQgIQEQ==',
  'base64',
);

/**
 * Has onnxruntime set up what all sessions share (23 MB on x86-64), so that it does not count as the first level's.
 * @throws Error where it cannot open a session at all.
 */
export async function loadLibrary(): Promise<void> {
  const session = await InferenceSession.create(smallestModel, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  await session.release();
}
