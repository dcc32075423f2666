import type { NoData, Reading, Sensor } from './sensor.ts';

/** How one sensor fared in one round. */
export type SensorReport = {
  sensor: string;
  /** False where the sensor threw or ran out of time; having no data is a success. */
  success: boolean;
  durationMs: number;
  readings: Reading[];
  noData?: string;
  cure?: string;
  soon?: true;
};

export type RunnerOptions = {
  sensors: Sensor[];
  /** A sensor that takes longer has no data in this round and is not asked again until it has come back. Default 1000. */
  limitMs?: number;
  monotonicMs: () => number;
};

export type SensorRunner = {
  read(): Promise<SensorReport[]>;
  /** Ends the processes that sensors have started; never rejects. */
  stop(): Promise<void>;
};

/** Reads all sensors side by side, each timed and bounded; never throws, whatever a sensor does. */
export function createSensorRunner({ sensors, limitMs = 1000, monotonicMs }: RunnerOptions): SensorRunner {
  const hanging = new Set<Sensor>();

  async function readOne(sensor: Sensor): Promise<SensorReport> {
    const startMs = monotonicMs();
    const report = (rest: Omit<SensorReport, 'sensor' | 'durationMs'>): SensorReport => ({
      sensor: sensor.name,
      durationMs: monotonicMs() - startMs,
      ...rest,
    });
    if (hanging.has(sensor))
      return report({ success: false, readings: [], noData: 'an earlier read has not come back yet' });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, limitMs, 'late');
      timer.unref();
    });
    try {
      hanging.add(sensor);
      const reading = Promise.resolve()
        .then(() => sensor.read())
        .finally(() => hanging.delete(sensor));
      const result: Reading[] | NoData | 'late' = await Promise.race([reading, late]);
      if (result === 'late') {
        reading.catch(() => {});
        return report({ success: false, readings: [], noData: `it took longer than ${limitMs} ms` });
      }
      if (!Array.isArray(result)) return report({ success: true, readings: [], ...result });
      return report({ success: true, readings: result.filter(({ value }) => Number.isFinite(value)) });
    } catch (error) {
      return report({ success: false, readings: [], noData: `it failed: ${String(error).slice(0, 200)}` });
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    read: () => Promise.all(sensors.map(readOne)),
    async stop() {
      await Promise.allSettled(sensors.map((sensor) => sensor.stop?.()));
    },
  };
}
