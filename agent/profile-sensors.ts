import { isDeepStrictEqual } from 'node:util';
import type { ProfileInForce } from './profile/profile-in-force.ts';
import { createSensorRunner, type SensorRunner } from './sense/runner.ts';
import { createSensors } from './sense/sensors.ts';

/** The sensors and readings that the profile asks for; they are built anew where a reload changes them. */
export function createProfileSensors(options: {
  inForce: ProfileInForce;
  root: string;
  nowMs: () => number;
  monotonicMs: () => number;
}): SensorRunner {
  const { inForce, root, nowMs, monotonicMs } = options;

  function build(): SensorRunner {
    const { sensors: names, readings } = inForce.read();
    return createSensorRunner({
      sensors: createSensors({ names, readings, root, nowMs, monotonicMs }),
      monotonicMs,
    });
  }

  let runner = build();
  inForce.onChange((before) => {
    const now = inForce.read();
    const isSame = isDeepStrictEqual([now.sensors, now.readings], [before.sensors, before.readings]);
    if (isSame) return;
    // Never rejects; a read that is under way has then no data, or its own.
    void runner.stop();
    runner = build();
  });
  return { read: () => runner.read(), stop: () => runner.stop() };
}
