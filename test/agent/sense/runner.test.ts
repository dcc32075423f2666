import { expect, it } from 'vitest';
import { createSensorRunner } from '../../../agent/sense/runner.ts';
import type { Sensor } from '../../../agent/sense/sensor.ts';

const reading = { name: 'x', value: 1, unit: 'ratio', atMs: 0 };
const monotonicMs = () => performance.now();

it('reports each sensor apart: readings, no data, an exception, a value that is no number', async () => {
  const sensors: Sensor[] = [
    { name: 'good', read: async () => [reading] },
    { name: 'absent', read: async () => ({ noData: 'none here', cure: 'buy one' }) },
    {
      name: 'throws',
      read: () => {
        throw new Error('boom');
      },
    },
    { name: 'odd', read: async () => [{ ...reading, value: Number.NaN }] },
  ];
  const reports = await createSensorRunner({ sensors, monotonicMs }).read();
  expect(reports).toMatchObject([
    { sensor: 'good', success: true, readings: [reading] },
    { sensor: 'absent', success: true, readings: [], noData: 'none here', cure: 'buy one' },
    { sensor: 'throws', success: false, readings: [], noData: expect.stringContaining('boom') },
    { sensor: 'odd', success: true, readings: [] },
  ]);
  for (const { durationMs } of reports) expect(durationMs).toBeGreaterThanOrEqual(0);
});

it('goes on without a sensor that hangs, and asks it again only after it has come back', async () => {
  let asked = 0;
  let release: (() => void) | undefined;
  const hanging: Sensor = {
    name: 'hangs',
    read: () => {
      asked += 1;
      return new Promise((resolve) => {
        release = () => resolve([reading]);
      });
    },
  };
  const runner = createSensorRunner({ sensors: [hanging], limitMs: 5, monotonicMs });
  expect(await runner.read()).toMatchObject([{ success: false, readings: [] }]);
  expect(await runner.read()).toMatchObject([{ success: false, readings: [] }]);
  expect(asked).toBe(1);
  release?.();
  await new Promise((resolve) => setImmediate(resolve));
  runner.read();
  await Promise.resolve();
  await Promise.resolve();
  expect(asked).toBe(2);
  release?.();
});
