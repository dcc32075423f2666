import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { ebbVersion, packageVersion } from '../package-version.ts';
import { type Identity, readIdentity } from '../sense/identity.ts';
import { createSensorRunner, type SensorReport } from '../sense/runner.ts';
import { createSensors, sensorNames } from '../sense/sensors.ts';

/** What one package brings, or why it brings nothing and what would change that. */
export type Finding = { name: string; ok: boolean; text: string; cure?: string };

export type Examination = {
  ebb: string;
  node: string;
  identity: Identity;
  sensors: SensorReport[];
  engines: Finding[];
  trainers: Finding[];
};

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error)).split('\n')[0];

/** Asks onnxruntime which execution providers this build has. */
async function examineOnnxruntime(): Promise<Finding> {
  const version = packageVersion('onnxruntime-node') ?? 'unknown';
  try {
    const { listSupportedBackends } = await import('onnxruntime-node');
    const providers = listSupportedBackends().map(({ name, bundled }) =>
      bundled ? name : `${name} (its libraries are not installed)`,
    );
    return { name: 'onnxruntime', ok: true, text: `${version}, providers: ${providers.join(', ')}` };
  } catch (error) {
    return {
      name: 'onnxruntime',
      ok: false,
      text: `cannot be loaded: ${messageOf(error)}`,
      cure: 'on Linux it needs glibc 2.28 or newer on x64 or arm64; run "npm ci" again',
    };
  }
}

/** Whether TensorFlow's native back end loads; training does without it. */
function examineTensorflowNode(): Finding {
  const name = '@tensorflow/tfjs-node';
  try {
    createRequire(import.meta.url)(name);
    return {
      name,
      ok: true,
      text: `${packageVersion(name) ?? 'installed'}, training can use it (--backend node)`,
    };
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND';
    return {
      name,
      ok: false,
      text: `${absent ? 'not installed' : `cannot be loaded: ${messageOf(error)}`}; optional, training uses WebAssembly`,
      cure: 'npm install @tensorflow/tfjs-node where storage.googleapis.com can be reached',
    };
  }
}

function examineWasm(): Finding {
  const name = '@tensorflow/tfjs-backend-wasm';
  const version = packageVersion(name);
  if (version !== undefined)
    return { name, ok: true, text: `${version}, training can use it (--backend wasm)` };
  return { name, ok: false, text: 'not installed', cure: 'run "npm ci"' };
}

/** Looks at all that ebb could use on this machine; changes nothing and never throws for what is absent. */
export async function examine(options: { root: string; betweenReadsMs?: number }): Promise<Examination> {
  const { root, betweenReadsMs = 250 } = options;
  const monotonicMs = () => performance.now();
  const sensors = createSensors({ root, names: sensorNames, nowMs: Date.now, monotonicMs });
  const runner = createSensorRunner({ sensors, monotonicMs });
  const [identity] = await Promise.all([readIdentity({ root }), runner.read()]);
  // Shares of time need two reads.
  await sleep(betweenReadsMs);
  return {
    ebb: ebbVersion(),
    node: process.version,
    identity,
    sensors: await runner.read(),
    engines: [await examineOnnxruntime()],
    trainers: [examineTensorflowNode(), examineWasm()],
  };
}
