/** A battery that shall last: the charge of now against the line from where the plan began to the reserve at its end. */
export type BatteryGoal = Readonly<{ lastForMs: number; reserve: number }>;

type Drawn = Readonly<{ charge: number; ms: number }>;

export type BatteryState = Readonly<{
  startMs: number;
  /** 0..1, when the plan began. */
  startCharge: number;
  /** How many of the densest levels are shut, and since when. */
  shut: number;
  changedMs: number;
  /** By rung, densest first: how much was drawn at it in how long. */
  drawn: readonly Drawn[];
  /** Since the plan began, where power is measured: what both sides of the capacity were. */
  energyWh: number | undefined;
  /** Of the reading before. */
  charge: number;
  atMs: number;
  rung: number;
}>;

export type BatteryPlan = { shut: number; reason: string | undefined; state: BatteryState | undefined };

export type BatteryInput = {
  nowMs: number;
  /** 0..1, where it is being discharged; undefined else. */
  charge: number | undefined;
  /** Of the device, watts, where a sensor tells. */
  powerW?: number | undefined;
  inputsPerS: number;
  /** By rung: of one input, where it was calibrated. */
  energyMj: readonly (number | undefined)[];
  goal: BatteryGoal;
  /** How many levels there are to choose from, and the place of the active one among them. */
  levels: number;
  rung: number;
};

const hourMs = 3_600_000;
/** Charge beyond the line before a denser level is opened: gauges tell whole percents. */
const surplusToOpen = 0.01;
/** Charge below the line before a level more is shut: what rounding to whole percents may make of nothing. */
const deficitToShut = 0.005;
/** A change needs so long to be seen in the charge. */
const settleMs = 60_000;
/** What was drawn at a level says how fast it draws from so much on; old draws count less. */
const leastDrawn = 0.02;
const mostDrawn = 0.1;

/** Watt-hours of the full battery: measured energy over the fall of the charge; undefined before enough fell. */
function capacityWh({ startCharge, charge, energyWh }: BatteryState): number | undefined {
  const fallen = startCharge - charge;
  return energyWh !== undefined && fallen >= leastDrawn ? energyWh / fallen : undefined;
}

/**
 * Share of the charge that an hour at a rung takes: as was seen there, else as was seen at the active one, with the calibrated energy of the
 * expected requests in place of its own. Undefined before enough was seen.
 */
export function drainPerHour(
  state: BatteryState,
  rung: number,
  { inputsPerS, energyMj }: Pick<BatteryInput, 'inputsPerS' | 'energyMj'>,
): number | undefined {
  const seenAt = (index: number) => {
    const { charge, ms } = state.drawn[index] ?? { charge: 0, ms: 0 };
    return charge >= leastDrawn && ms > 0 ? (charge / ms) * hourMs : undefined;
  };
  const own = seenAt(rung);
  const active = seenAt(state.rung);
  const capacity = capacityWh(state);
  const [there, here] = [energyMj[rung], energyMj[state.rung]];
  if (own !== undefined) return own;
  if (active === undefined || capacity === undefined || there === undefined || here === undefined)
    return undefined;
  // Millijoules a second are thousandths of a watt.
  return active + (inputsPerS * (there - here)) / 1000 / capacity;
}

function learn(state: BatteryState, input: BatteryInput, charge: number): readonly Drawn[] {
  const elapsedMs = input.nowMs - state.atMs;
  const spent = Math.max(0, state.charge - charge);
  return Array.from({ length: input.levels }, (_, rung) => {
    const one = state.drawn[rung] ?? { charge: 0, ms: 0 };
    if (rung !== state.rung) return one;
    const sum = { charge: one.charge + spent, ms: one.ms + elapsedMs };
    return sum.charge > mostDrawn ? { charge: sum.charge / 2, ms: sum.ms / 2 } : sum;
  });
}

/**
 * Shuts the densest levels so that the charge reaches the reserve no sooner than `lastForMs` after the plan began. The energy that is left is
 * spread evenly over the time that is left: where the charge lies half a percent below that line a level more is shut; one is opened where it
 * lies a percent above, or where the draw that was learnt of the level there can be borne to the end. The plan begins when the battery is first discharged,
 * and anew after it was charged.
 */
export function planBattery(input: BatteryInput, before: BatteryState | undefined): BatteryPlan {
  const { nowMs, charge, goal, levels, rung } = input;
  if (charge === undefined || !Number.isFinite(charge))
    return { shut: 0, reason: undefined, state: undefined };
  const most = Math.max(0, levels - 1);
  const state: BatteryState = before ?? {
    startMs: nowMs,
    startCharge: charge,
    shut: 0,
    changedMs: Number.NEGATIVE_INFINITY,
    drawn: [],
    energyWh: 0,
    charge,
    atMs: nowMs,
    rung,
  };
  const drawn = learn(state, input, charge);
  const elapsedMs = nowMs - state.startMs;
  const leftMs = goal.lastForMs - elapsedMs;
  const energyWh =
    state.energyWh === undefined || input.powerW === undefined
      ? undefined
      : state.energyWh + (input.powerW * (nowMs - state.atMs)) / hourMs;
  const seen: BatteryState = { ...state, drawn, energyWh, charge, atMs: nowMs, rung };
  const shutBefore = Math.min(state.shut, most);
  if (leftMs <= 0) return { shut: 0, reason: undefined, state: { ...seen, shut: 0 } };
  const line = state.startCharge - ((state.startCharge - goal.reserve) * elapsedMs) / goal.lastForMs;
  const surplus = charge - line;
  const allowed = (Math.max(0, charge - goal.reserve) / leftMs) * hourMs;
  const drain = (index: number) => drainPerHour(seen, index, input);
  const isSettled = nowMs - state.changedMs >= settleMs;

  const next = (): number => {
    if (charge <= goal.reserve) return most;
    if (!isSettled) return shutBefore;
    const active = drain(shutBefore);
    // A level that can be borne to the end may stay though the charge lies a little below the line.
    if (surplus < -deficitToShut && (active === undefined || active > allowed))
      return Math.min(most, shutBefore + 1);
    if (shutBefore > 0) {
      const denser = drain(shutBefore - 1);
      if (surplus >= surplusToOpen || (denser !== undefined && denser <= allowed && surplus >= 0))
        return shutBefore - 1;
    }
    return shutBefore;
  };
  const shut = next();
  const percent = (share: number) => `${(share * 100).toFixed(1)}%`;
  const active = drain(shut);
  const draws = active === undefined ? '' : `, ${percent(active)} an hour drawn`;
  const reason = `battery at ${percent(charge)} for ${(leftMs / hourMs).toFixed(2)} h, ${percent(allowed)} an hour allowed${draws}`;
  return {
    shut,
    reason: shut === 0 ? undefined : reason,
    state: { ...seen, shut, changedMs: shut === state.shut ? state.changedMs : nowMs },
  };
}
