import type { Profile } from '../../agent/profile/schema.ts';
import { breathe } from '../../terminal/interrupt.ts';
import { calibrationOf, type Device } from './device.ts';
import { type OracleResult, runOracle } from './oracle.ts';
import { ebbPolicy, heldPolicy, type SimulatedPolicy, thresholdPolicy } from './policies.ts';
import { type Simulated, simulate } from './simulate.ts';
import type { Trace } from './trace.ts';
import { drawWorkload } from './workload.ts';

export const policyNames = ['ebb', 'thresholds', 'densest', 'sparsest'] as const;
export type PolicyName = (typeof policyNames)[number];

export function createPolicy(
  name: PolicyName,
  options: { device: Device; profile: Profile },
): SimulatedPolicy {
  const { device, profile } = options;
  const calibration = calibrationOf(device);
  const accuracy = device.levels.map((level) => level.accuracy);
  switch (name) {
    case 'ebb':
      return ebbPolicy({ calibration, accuracy, profile: () => profile });
    case 'thresholds':
      return thresholdPolicy(calibration, accuracy);
    case 'densest':
      return heldPolicy(0);
    case 'sparsest':
      return heldPolicy(device.levels.length - 1);
  }
}

/** What one policy, or the oracle, came to over some traces. */
export type Summary = {
  policy: PolicyName | 'oracle';
  requests: number;
  hits: number;
  /** Of the requests, and of those that the oracle answers in time. */
  hitShare: number;
  ofOracle: number;
  /** Mean over the traces of the answers' mean accuracy. */
  accuracy: number;
  /** Undefined for the oracle, whose work is not billed. */
  energyJ?: number;
  swaps?: number;
  /** Answers by another level than the active one, and changes of level from one answer to the next, each over the answers. */
  relievedShare?: number;
  changesShare?: number;
};

export type Comparison = {
  traces: number;
  requests: number;
  simulatedS: number;
  overall: Summary[];
  /** By family of traces. */
  byKind: { kind: string; traces: number; summaries: Summary[] }[];
};

type TraceOutcome = { kind: string; oracle: OracleResult; results: Record<PolicyName, Simulated> };

export function compareOn(
  trace: Trace,
  options: { device: Device; profile: Profile; seed: number },
): TraceOutcome {
  const { device, profile, seed } = options;
  const { deadlineMs, intervalMs } = profile;
  const workload = drawWorkload(trace, device, seed);
  const common = { trace, workload, device, deadlineMs };
  const run = (name: PolicyName) =>
    simulate({ ...common, intervalMs, policy: createPolicy(name, { device, profile }) });
  return {
    kind: trace.kind,
    oracle: runOracle(common),
    results: {
      ebb: run('ebb'),
      thresholds: run('thresholds'),
      densest: run('densest'),
      sparsest: run('sparsest'),
    },
  };
}

function summarize(outcomes: TraceOutcome[]): Summary[] {
  const sum = (of: (one: TraceOutcome) => number) => outcomes.reduce((total, one) => total + of(one), 0);
  const mean = (of: (one: TraceOutcome) => number) => {
    const known = outcomes.map(of).filter(Number.isFinite);
    return known.reduce((total, one) => total + one, 0) / known.length;
  };
  const requests = sum(({ results }) => results.ebb.requests);
  const best = sum(({ oracle }) => oracle.hits);
  return [
    ...policyNames.map((policy): Summary => {
      const of = (pick: (one: Simulated) => number) => sum(({ results }) => pick(results[policy]));
      const hits = of((one) => one.hits);
      const answered = of((one) => one.answered);
      return {
        policy,
        requests,
        hits,
        hitShare: hits / requests,
        ofOracle: hits / best,
        accuracy: mean(({ results }) => results[policy].accuracy),
        energyJ: of((one) => one.energyJ.total),
        swaps: of((one) => one.swaps.length),
        relievedShare: of((one) => one.relieved) / answered,
        changesShare: of((one) => one.changes) / answered,
      };
    }),
    {
      policy: 'oracle',
      requests,
      hits: best,
      hitShare: best / requests,
      ofOracle: 1,
      accuracy: mean(({ oracle }) => oracle.accuracy),
    },
  ];
}

/** All policies over all traces, each with the same requests and the same luck. */
export async function compare(options: {
  traces: Trace[];
  device: Device;
  profile: Profile;
  seed: number;
  onTrace?: (done: number) => void;
  /** Breaks off between two traces. */
  signal?: AbortSignal;
}): Promise<Comparison> {
  const { traces, onTrace = () => {}, signal } = options;
  const outcomes: TraceOutcome[] = [];
  for (const trace of traces) {
    await breathe(signal);
    outcomes.push(compareOn(trace, options));
    onTrace(outcomes.length);
  }
  const kinds = [...new Set(outcomes.map(({ kind }) => kind))];
  const overall = summarize(outcomes);
  return {
    traces: traces.length,
    requests: overall[0].requests,
    simulatedS: traces.reduce((sum, { durationMs }) => sum + durationMs / 1000, 0),
    overall,
    byKind: kinds.map((kind) => {
      const members = outcomes.filter((one) => one.kind === kind);
      return { kind, traces: members.length, summaries: summarize(members) };
    }),
  };
}
