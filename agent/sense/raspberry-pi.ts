import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import { type AskCommand, askSeldom } from './ask-command.ts';
import { findChips, readNumber } from './hwmon.ts';
import { readBounded } from './read-bounded.ts';
import type { NoData, Reading, Sensor, SensorOptions } from './sensor.ts';

/** What the firmware says of now, in bits 0 to 3 (https://www.raspberrypi.com/documentation/computers/os.html, get_throttled). */
const bits = [
  'pi_under_voltage',
  'pi_frequency_capped',
  'pi_throttled',
  'pi_soft_temperature_limit',
] as const;

const hexadecimal = (text: string) => /^(?:throttled=)?(?:0x)?([0-9a-f]{1,8})\s*$/i.exec(text)?.[1];

/** Parses `throttled=0x50005` of vcgencmd, or the number alone of the kernel's file. @returns undefined for anything else. */
export function parseThrottled(text: string): Record<(typeof bits)[number], boolean> | undefined {
  const digits = hexadecimal(text);
  if (digits === undefined) return undefined;
  const word = Number.parseInt(digits, 16);
  const isSet = (bit: number) => ((word >>> bit) & 1) === 1;
  return {
    pi_under_voltage: isSet(0),
    pi_frequency_capped: isSet(1),
    pi_throttled: isSet(2),
    pi_soft_temperature_limit: isSet(3),
  };
}

/** What bits 16 to 19 say: what has been the case since boot, as words; undefined for anything else than `parseThrottled` takes. */
export function parseSinceBoot(text: string): string[] | undefined {
  const digits = hexadecimal(text);
  if (digits === undefined) return undefined;
  const sticky = Number.parseInt(digits, 16) >>> 16;
  return ['under-voltage', 'frequency capped', 'throttled', 'soft temperature limit'].filter(
    (_, bit) => ((sticky >>> bit) & 1) === 1,
  );
}

/**
 * Parses `vcgencmd pmic_read_adc` of a Raspberry Pi 5: the power of all rails that have both a current and a voltage. What hangs on USB and the losses
 * of the supply are not seen.
 * @returns watts; undefined where no rail has both.
 */
export function parsePmicPowerW(text: string): number | undefined {
  const read = (unit: string) =>
    new Map(
      Array.from(
        text.matchAll(
          new RegExp(`^\\s*(\\w+)_[AV] ${unit}\\(\\d+\\)=(\\d{1,4}(?:\\.\\d{1,12})?)[AV]\\s*$`, 'gm'),
        ),
        ([, rail, value]) => [rail, Number(value)] as const,
      ),
    );
  const currents = read('current');
  const voltages = read('volt');
  const rails = Array.from(
    currents,
    ([rail, amperes]) => amperes * (voltages.get(rail) ?? Number.NaN),
  ).filter(Number.isFinite);
  return rails.length > 0 ? rails.reduce((sum, watts) => sum + watts, 0) : undefined;
}

const firmwareFile = 'sys/devices/platform/soc/soc:firmware/get_throttled';
/** From this kernel on, reading the file puts a warning with a stack trace into the kernel's log. */
const warningKernel = [6, 13] as const;
const installCure =
  'install raspi-utils (or libraspberrypi-bin), and put the user into the group "video", which may open /dev/vcio; in a container, add --device /dev/vcio';
const askEveryMs = 5000;
/** A tool that fails or hangs costs up to 0.8 s of each attempt. */
const retryEveryMs = 30_000;

/** Whether a kernel of this release warns when the firmware's file is read. One that is unknown may. */
export function warnsOnRead(release: string | undefined): boolean {
  const [, major, minor] = /^(\d{1,3})\.(\d{1,4})/.exec(release ?? '') ?? [];
  if (major === undefined) return true;
  return (
    Number(major) > warningKernel[0] ||
    (Number(major) === warningKernel[0] && Number(minor) >= warningKernel[1])
  );
}

/** What would make vcgencmd answer. */
function cureOf(root: string): string {
  const device = join(root, 'dev/vcio');
  if (!existsSync(device)) return installCure;
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
    return `${installCure}; it must answer within 0.8 s`;
  } catch {
    return 'put the user into the group "video", which may open /dev/vcio: sudo usermod -aG video USER, then log in again';
  }
}

type Bits = {
  now: Partial<Record<(typeof bits)[number], boolean>>;
  sinceBoot?: string[];
  /** What has told it, if that is not vcgencmd. */
  source?: string;
};

/**
 * A Raspberry Pi's throttle bits (`pi_under_voltage`, `pi_frequency_capped`, `pi_throttled`, `pi_soft_temperature_limit`) and, from vcgencmd alone,
 * whether there was any of them since boot (`pi_trouble_since_boot`, with which as a note); and `power` of a Raspberry Pi 5, an estimate, every 10 s.
 *
 * The bits come from vcgencmd every 5 s. Else from the kernel's file: a word that the kernel polled last, whose bits of "since boot" it clears at
 * each poll (drivers/firmware/raspberrypi.c of the Raspberry Pi kernel). From Linux 6.13 on reading that file warns in the kernel's log, so that there
 * under-voltage of now alone, from the driver rpi_volt, comes first.
 */
export function createRaspberryPiSensor(
  options: SensorOptions & { monotonicMs: () => number; ask: AskCommand },
): Sensor {
  const { root, nowMs, monotonicMs, ask } = options;
  const askThrottled = askSeldom(ask, askEveryMs, monotonicMs);
  const askPower = askSeldom(ask, 10_000, monotonicMs);
  let failedMs = Number.NEGATIVE_INFINITY;

  async function readTool(): Promise<Bits | undefined> {
    if (monotonicMs() - failedMs < retryEveryMs) return undefined;
    const text = (await askThrottled('vcgencmd', ['get_throttled'])) ?? '';
    const now = parseThrottled(text);
    const sinceBoot = parseSinceBoot(text);
    if (now && sinceBoot) return { now, sinceBoot };
    failedMs = monotonicMs();
    return undefined;
  }

  async function readFile(): Promise<Bits | undefined> {
    const now = parseThrottled((await readBounded(join(root, firmwareFile), 64)) ?? '');
    return now && { now, source: "the kernel's get_throttled" };
  }

  async function readAlarm(): Promise<Bits | undefined> {
    const chips = await findChips(root, 'rpi_volt');
    const alarms = await Promise.all(chips.map((chip) => readNumber(join(chip, 'in0_lcrit_alarm'))));
    const known = alarms.flatMap((alarm) => alarm ?? []);
    if (known.length === 0) return undefined;
    return { now: { pi_under_voltage: known.some((alarm) => alarm > 0) }, source: 'rpi_volt' };
  }

  async function readBits(): Promise<Bits | undefined> {
    const told = await readTool();
    if (told) return told;
    const release = await readBounded(join(root, 'proc/sys/kernel/osrelease'), 128);
    const sources = warnsOnRead(release) ? [readAlarm, readFile] : [readFile, readAlarm];
    for (const source of sources) {
      const found = await source();
      if (found) return found;
    }
    return undefined;
  }

  return {
    name: 'raspberry_pi',
    async read(): Promise<Reading[] | NoData> {
      const model = (await readBounded(join(root, 'proc/device-tree/model'), 128))?.replace(/\0/g, '');
      if (!model?.startsWith('Raspberry Pi')) return { noData: 'this is no Raspberry Pi' };
      const isPi5 = /Pi (5|500|Compute Module 5)\b/.test(model);
      // Side by side, so that where both hang the round is not lost.
      const [state, answer] = await Promise.all([
        readBits(),
        isPi5 ? askPower('vcgencmd', ['pmic_read_adc']) : undefined,
      ]);
      const powerW = answer === undefined ? undefined : parsePmicPowerW(answer);
      const atMs = nowMs();
      const readings = [
        ...bits.flatMap((name, index) => {
          const isSet = state?.now[name];
          // Once is enough.
          const note = state?.source === undefined || index > 0 ? {} : { note: `by ${state.source}` };
          return isSet === undefined ? [] : [{ name, value: Number(isSet), unit: 'ratio', atMs, ...note }];
        }),
        ...(state?.sinceBoot === undefined
          ? []
          : [
              {
                name: 'pi_trouble_since_boot',
                value: Number(state.sinceBoot.length > 0),
                unit: 'ratio',
                atMs,
                ...(state.sinceBoot.length > 0 ? { note: state.sinceBoot.join(', ') } : {}),
              },
            ]),
        ...(powerW === undefined
          ? []
          : [{ name: 'power', value: powerW, unit: 'watts', atMs, note: 'an estimate' }]),
      ];
      return readings.length > 0 ? readings : { noData: 'the firmware cannot be asked', cure: cureOf(root) };
    },
  };
}
