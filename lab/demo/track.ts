import type { Outcome, Response } from '../load/open-loop.ts';
import { runOpenLoop } from '../load/open-loop.ts';
import { summarize } from '../load/phase-statistics.ts';
import { startCpuStress } from '../stress/cpu-stress.ts';
import type { DemoRow } from './demo-table.ts';

const phases = [
  { phase: 'calm', stressed: false },
  { phase: 'stress', stressed: true },
  { phase: 'calm again', stressed: false },
];

export type TrackOptions = {
  policy: DemoRow['policy'];
  deadlineMs: number;
  levels: number;
  phaseS: number;
  requestsPerS: number;
  stressProcesses: number;
  send: (index: number) => Promise<Response>;
  /** Swaps that were reported so far. */
  swaps: () => number;
  say: (line: string) => void;
  signal: AbortSignal;
};

/** One policy through all phases, one after the other. */
export type Track = {
  policy: DemoRow['policy'];
  rows: DemoRow[];
  /** Begin and end from the track's start. */
  phases: { phase: string; stressed: boolean; startMs: number; endMs: number }[];
  /** `dueMs` from the track's start. */
  outcomes: Outcome[];
};

/** Sends the same steady load in calm, under stress, and in calm again. */
export async function runTrack(options: TrackOptions): Promise<Track> {
  const { policy, requestsPerS, phaseS, stressProcesses, send, signal, say } = options;
  const track: Track = { policy, rows: [], phases: [], outcomes: [] };
  for (const { phase, stressed } of phases) {
    const what = stressed ? `${stressProcesses} processes take the CPU` : 'the machine is ours';
    say(`${policy}, ${phase}: ${requestsPerS} requests/s for ${phaseS} s, ${what}`);
    const swapsBefore = options.swaps();
    const stress = startCpuStress(stressed ? stressProcesses : 0);
    let outcomes: Outcome[];
    try {
      outcomes = await runOpenLoop({ requestsPerS, durationS: phaseS, send, signal });
    } finally {
      await stress.stop();
    }
    const startMs = track.phases.at(-1)?.endMs ?? 0;
    track.phases.push({ phase, stressed, startMs, endMs: startMs + phaseS * 1000 });
    track.outcomes.push(...outcomes.map((outcome) => ({ ...outcome, dueMs: startMs + outcome.dueMs })));
    const swaps = options.swaps() - swapsBefore;
    track.rows.push({ ...summarize(outcomes, options), policy, phase, swaps });
  }
  return track;
}
