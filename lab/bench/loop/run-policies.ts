import type { Stressor } from '../../stress/stressors.ts';
import { runTrack } from '../../track/track.ts';
import { type AgentUnderTest, type Serving, withAgent } from './agent-under-test.ts';
import type { LevelledTrack } from './reaction.ts';

/** Requests to each level before anything is counted, as just-in-time compilers have work at first. */
const warmUpRequests = 15;

/** Sends what is not counted. Requests for a certain level are no evidence to the agent of how it meets its deadline. */
export async function warmUp({ send }: Serving, levels: number, signal: AbortSignal): Promise<void> {
  for (let index = 0; index < warmUpRequests * levels; index += 1) {
    signal.throwIfAborted();
    await send(index, index % levels);
  }
}

export type PoliciesOptions = {
  agent: AgentUnderTest;
  stressor: Stressor;
  /** When each request is due, over all three phases. */
  arrivalsMs: readonly number[];
  levels: number;
  calmS: number;
  stressS: number;
  afterS: number;
  say: (line: string) => void;
  signal: AbortSignal;
};

/** Adaptive, densest and sparsest, each by an agent of its own that meets the same requests at the same times. */
export async function runPolicies(options: PoliciesOptions): Promise<LevelledTrack[]> {
  const { agent, stressor, arrivalsMs, levels, calmS, stressS, afterS, say, signal } = options;
  const tracks: LevelledTrack[] = [];
  for (const { policy, fixedLevel } of [
    { policy: 'adaptive' },
    { policy: 'fixed densest', fixedLevel: 0 },
    { policy: 'fixed sparsest', fixedLevel: levels - 1 },
  ])
    tracks.push(
      await withAgent({ ...agent, ...(fixedLevel === undefined ? {} : { fixedLevel }) }, async (serving) => {
        await warmUp(serving, levels, signal);
        const ready = await stressor.prepare(serving);
        try {
          const start = () => ready.start(stressS);
          const track = await runTrack({
            policy,
            phases: [
              { phase: 'calm', durationS: calmS },
              { phase: 'stress', durationS: stressS, stress: { what: stressor.what, start } },
              { phase: 'after', durationS: afterS },
            ],
            arrivalsMs,
            deadlineMs: agent.deadlineMs,
            levels,
            send: serving.send,
            swaps: () => serving.swaps,
            say,
            signal,
          });
          return { ...track, startLevel: serving.level };
        } finally {
          await ready.end();
        }
      }),
    );
  return tracks;
}
