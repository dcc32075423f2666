/**
 * Guards protect the device: where it grows too hot, is throttled, runs out of memory or of battery, they shut the densest levels, whatever the
 * deadline would allow. Pure functions: what they remember is their state.
 */

/** What guards look at; undefined where no sensor tells. */
export type Health = {
  /** Of the hottest zone that matters. */
  tempC?: number | undefined;
  /** What the firmware says of throttling now, by name. */
  throttling: readonly string[];
  /** Since boot. */
  overCurrentEvents?: number | undefined;
  memoryAvailableBytes?: number | undefined;
  /** Of the battery, 0..1, where it is being discharged. */
  dischargingCharge?: number | undefined;
};

/** Absent: no such guard. */
export type GuardLimits = Readonly<{ maxTempC?: number; minMemoryBytes?: number; batteryReserve?: number }>;

export type GuardState = Readonly<{
  /** How many of the densest levels are shut. */
  shut: number;
  /** When that last changed, and when a cause was last seen. */
  changedMs: number;
  causeMs: number;
  /** Of the last minute. */
  temps: readonly { atMs: number; tempC: number }[];
  overCurrentEvents: number | undefined;
}>;

export type Guarded = { shut: number; reason: string | undefined; state: GuardState };

/** Heat and throttling shut one level after the other, as each takes its time to help. */
const stepMs = 10_000;
/** Levels open one after the other, each so long after the last cause. */
const calmMs = 30_000;
const historyMs = 60_000;
/** Decisions can come faster than temperatures change. */
const readEveryMs = 400;
/** How far the trend of the temperature is followed. */
const aheadMs = 30_000;
/** So many degrees below its limit, by so much more than its reserve, a cause has gone. */
const coolC = 3;
const refilled = 0.02;
const freed = 1.25;

/** A slope of fewer readings, or of a shorter time, says nothing. */
const fewestForSlope = 5;
const shortestForSlopeMs = 5000;
/** So many readings of the last minute are enough. */
const mostForSlope = 32;

/**
 * Slope of the temperature, degrees a millisecond: the median of the slopes between all pairs of readings (Theil, 1950; Sen, 1968). Up to 29% of
 * them may be wrong without any effect on it, where one would bend the least-squares line. 0 for fewer than five readings or less than 5 s.
 */
export function slopeOf(temps: GuardState['temps']): number {
  const [first] = temps;
  const last = temps[temps.length - 1];
  if (temps.length < fewestForSlope || !first || !last || last.atMs - first.atMs < shortestForSlopeMs)
    return 0;
  const every = Math.ceil(temps.length / mostForSlope);
  const some = temps.filter((_, index) => (temps.length - 1 - index) % every === 0);
  const slopes = some.flatMap((to, index) =>
    some.slice(0, index).map((from) => (to.tempC - from.tempC) / (to.atMs - from.atMs)),
  );
  slopes.sort((a, b) => a - b);
  const middle = slopes.length / 2;
  return (slopes[Math.ceil(middle) - 1] + slopes[Math.floor(middle)]) / 2;
}

/** A cause that stands, or that has not yet gone far enough to open a level again. */
type Cause = { reason: string; isUrgent: boolean; isOver: boolean };

function heat({ tempC }: Health, { maxTempC }: GuardLimits, temps: GuardState['temps']): Cause[] {
  if (maxTempC === undefined || tempC === undefined) return [];
  const slope = slopeOf(temps);
  const expectedC = tempC + Math.max(0, slope) * aheadMs;
  if (expectedC < maxTempC - coolC) return [];
  const rising = `rising ${(slope * 60_000).toFixed(1)} C a minute`;
  const reason = `${tempC.toFixed(1)} C${slope > 0 ? `, ${rising}` : ''}, limit ${maxTempC} C`;
  return [{ reason, isUrgent: false, isOver: expectedC >= maxTempC }];
}

function throttling({ throttling: names, overCurrentEvents }: Health, before: number | undefined): Cause[] {
  const events = overCurrentEvents !== undefined && before !== undefined ? overCurrentEvents - before : 0;
  const told = [...names, ...(events > 0 ? [`${events} over-current events`] : [])];
  return told.map((reason) => ({ reason, isUrgent: false, isOver: true }));
}

function memory({ memoryAvailableBytes: free }: Health, { minMemoryBytes: least }: GuardLimits): Cause[] {
  if (free === undefined || least === undefined || free >= least * freed) return [];
  const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
  return [
    { reason: `${mib(free)} of memory free, least ${mib(least)}`, isUrgent: true, isOver: free < least },
  ];
}

function battery({ dischargingCharge: charge }: Health, { batteryReserve: reserve }: GuardLimits): Cause[] {
  if (charge === undefined || reserve === undefined || charge >= reserve + refilled) return [];
  const percent = (share: number) => `${Math.round(share * 100)}%`;
  return [
    {
      reason: `battery at ${percent(charge)}, reserve ${percent(reserve)}`,
      isUrgent: true,
      isOver: charge < reserve,
    },
  ];
}

/**
 * Shuts levels: for heat (now, or in 30 s by its trend) and throttling one more every 10 s while the cause stands; for memory and battery all but the
 * sparsest at once. Opens one level every 30 s once no cause is left.
 * @param levels how many there are to choose from.
 */
export function decideGuards(
  input: { nowMs: number; health: Health; limits: GuardLimits; levels: number },
  state: GuardState | undefined,
): Guarded {
  const { nowMs, health, limits, levels } = input;
  const { tempC } = health;
  const kept = (state?.temps ?? []).filter(({ atMs }) => nowMs - atMs <= historyMs && atMs < nowMs);
  const isNews =
    tempC !== undefined && nowMs - (kept[kept.length - 1]?.atMs ?? Number.NEGATIVE_INFINITY) >= readEveryMs;
  const temps = isNews ? [...kept, { atMs: nowMs, tempC }] : kept;
  const causes = [
    ...battery(health, limits),
    ...memory(health, limits),
    ...heat(health, limits, temps),
    ...throttling(health, state?.overCurrentEvents),
  ];
  const standing = causes.filter(({ isOver }) => isOver);
  const most = Math.max(0, levels - 1);
  const before = Math.min(state?.shut ?? 0, most);
  const changedMs = state?.changedMs ?? Number.NEGATIVE_INFINITY;
  const causeMs = causes.length > 0 ? nowMs : (state?.causeMs ?? Number.NEGATIVE_INFINITY);
  const next = (): number => {
    if (standing.some(({ isUrgent }) => isUrgent)) return most;
    if (standing.length > 0) return nowMs - changedMs >= stepMs ? Math.min(most, before + 1) : before;
    return causes.length === 0 && nowMs - Math.max(changedMs, causeMs) >= calmMs
      ? Math.max(0, before - 1)
      : before;
  };
  const shut = next();
  const told = causes.map(({ reason }) => reason).join(', ');
  return {
    shut,
    reason: shut === 0 ? undefined : `guard: ${told || 'recovering'}`,
    state: {
      shut,
      changedMs: shut === (state?.shut ?? 0) ? changedMs : nowMs,
      causeMs,
      temps,
      overCurrentEvents: health.overCurrentEvents ?? state?.overCurrentEvents,
    },
  };
}
