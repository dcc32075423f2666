import { setTimeout as sleep } from 'node:timers/promises';
import type { Finding } from '../../terminal/finding.ts';
import { ebbVersion, packageVersion } from '../package-version.ts';
import { type Identity, readIdentity } from '../sense/identity.ts';
import { createSensorRunner, type SensorReport } from '../sense/runner.ts';
import { createSensors, sensorNames } from '../sense/sensors.ts';

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

/** Looks at all that ebb could use on this machine; changes nothing and never throws for what is absent. */
export async function examine(options: {
  root: string;
  betweenReadsMs?: number;
  examineTrainers: () => Finding[];
}): Promise<Examination> {
  const { root, betweenReadsMs = 250, examineTrainers } = options;
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
    trainers: examineTrainers(),
  };
}
