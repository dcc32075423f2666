import { basename, join } from 'node:path';
import { listChips, readNumber } from './hwmon.ts';
import { listBounded, readBounded } from './read-bounded.ts';
import type { Reading } from './sensor.ts';

/** One temperature of a monitoring chip. Absent `tempC`: it has a fault, cannot be read, or says what no processor has. */
export type ChipSensor = { label?: string | undefined; tempC?: number | undefined };

const leastC = -40;
const mostC = 150;
/** Inputs of a board's monitoring chip to which nothing is connected say 127 C. */
const mostBoardC = 120;
const maxSensors = 64;

/** Milli-degrees Celsius of the kernel, as degrees. @returns undefined for what no working sensor says, such as -256 C of one that is off. */
export function plausibleTempC(milliC: number | undefined): number | undefined {
  const tempC = milliC === undefined ? undefined : milliC / 1000;
  return tempC !== undefined && tempC >= leastC && tempC <= mostC ? tempC : undefined;
}

/**
 * Drivers of the sensors inside processors, and the labels that stand for the whole of one, best first (Documentation/hwmon/k10temp.rst,
 * coretemp.rst). `Tdie` is the temperature of an AMD die. `Tctl` is what its fan is to be controlled by: on some models (Threadripper 1900,
 * Ryzen 1700X, 1800X, 2700X) up to 27 C above. Kernels show `Tdie` on the models whose offset they know; on all others the two are equal.
 */
const amd = [/\bTdie$/, /\bTctl$/, /\bTccd\d+$/];
const rules: readonly { driver: RegExp; whole: readonly RegExp[] }[] = [
  { driver: /^(k10temp|zenpower\d?)$/, whole: amd },
  { driver: /^coretemp$/, whole: [/^(Package|Physical) id \d+$/, /^Core \d+$/] },
  { driver: /^(k8temp|via_cputemp)$/, whole: [] },
  // A thermal zone that the kernel mirrors, with `_` for `-`.
  { driver: /^(cpu|soc|package|pkg|big|little|cluster)\w*therm/i, whole: [] },
];
/** Labels of a processor on any other chip, such as a board's or a laptop's controller. */
const boardLabel =
  /^(CPU( \d+)?|CPU (Package|Temp(erature)?|Die)|Package id \d+|Tdie|SoC( Temp(erature)?)?|PECI Agent \d+)$/i;

const hottest = (sensors: readonly ChipSensor[]) =>
  sensors
    .filter(({ tempC }) => tempC !== undefined)
    .reduce<ChipSensor | undefined>(
      (best, one) => (best === undefined || Number(one.tempC) > Number(best.tempC) ? one : best),
      undefined,
    );

/** The sensor of one chip that stands for its processor: by label; without a label that is known, the hottest. */
export function chooseSensor(driver: string, sensors: readonly ChipSensor[]): ChipSensor | undefined {
  const rule = rules.find((one) => one.driver.test(driver));
  if (rule === undefined)
    return hottest(
      sensors.filter(({ label, tempC }) => boardLabel.test(label ?? '') && Number(tempC) < mostBoardC),
    );
  // If the die has a sensor of its own that cannot be read now, the value with an offset must not take its place.
  const hasDie = sensors.some(({ label }) => amd[0].test(label ?? ''));
  const open = hasDie ? sensors.filter(({ label }) => !amd[1].test(label ?? '')) : sensors;
  for (const pattern of rule.whole) {
    const found = hottest(open.filter(({ label }) => pattern.test(label ?? '')));
    if (found) return found;
  }
  return hottest(open);
}

async function readSensors(chip: string): Promise<ChipSensor[]> {
  const inputs = (await listBounded(chip))
    .filter((name) => /^temp\d+_input$/.test(name))
    .slice(0, maxSensors);
  return Promise.all(
    inputs.map(async (input) => {
      const file = (suffix: string) => join(chip, input.replace(/input$/, suffix));
      const label = (await readBounded(file('label'), 64))?.trim();
      if ((await readNumber(file('fault'))) === 1) return { label };
      return { label, tempC: plausibleTempC(await readNumber(file('input'))) };
    }),
  );
}

/**
 * `temperature` of every processor from the kernel's monitoring chips, labelled with the chip (`zone`), its driver (`type`) and the sensor's own label.
 * What a board's chip says counts only if no processor has a driver of its own.
 */
export async function readProcessorTemperatures(root: string, atMs: number): Promise<Reading[]> {
  const chips = await listChips(root);
  const found = await Promise.all(
    chips.map(async ({ folder, driver }) => {
      const isOwn = rules.some((rule) => rule.driver.test(driver));
      const chosen = chooseSensor(driver, await readSensors(folder));
      if (chosen?.tempC === undefined) return [];
      const sensor = chosen.label === undefined || chosen.label === '' ? {} : { sensor: chosen.label };
      const labels = { zone: basename(folder), type: driver, ...sensor };
      return [
        { isOwn, reading: { name: 'temperature', value: chosen.tempC, unit: 'celsius', atMs, labels } },
      ];
    }),
  );
  const all = found.flat();
  const own = all.filter(({ isOwn }) => isOwn);
  return (own.length > 0 ? own : all).map(({ reading }) => reading);
}
