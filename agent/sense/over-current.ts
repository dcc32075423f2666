import { join } from 'node:path';
import { findChips, readNumber } from './hwmon.ts';
import type { NoData, Reading, Sensor, SensorOptions } from './sensor.ts';

/** `over_current_events` of a Jetson since boot: each time its supply could not give what it drew, and its clocks were held down (driver soctherm_oc). */
export function createOverCurrentSensor({ root, nowMs }: SensorOptions): Sensor {
  return {
    name: 'over_current',
    async read(): Promise<Reading[] | NoData> {
      const chips = await findChips(root, 'soctherm_oc');
      if (chips.length === 0)
        return { noData: 'there is no counter of over-current events, as Jetson modules have' };
      const counts = await Promise.all(
        chips.flatMap((chip) => [1, 2, 3].map((n) => readNumber(join(chip, `oc${n}_event_cnt`)))),
      );
      const known = counts.flatMap((count) => count ?? []).filter((count) => count >= 0);
      if (known.length === 0) return { noData: 'the counters of over-current events cannot be read' };
      const value = known.reduce((sum, count) => sum + count, 0);
      return [{ name: 'over_current_events', value, unit: 'count', atMs: nowMs() }];
    },
  };
}
