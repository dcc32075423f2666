import type { Track } from '../../track/track.ts';

/** A level is sufficient where it met so many deadlines under stress, of at least so many requests. */
export const sufficientShare = 0.95;
export const fewestRequests = 20;

/** A track of which it is known at which level it began. */
export type LevelledTrack = Track & { startLevel: number };

/** How an adaptive agent answered to a stress. All times are milliseconds. */
export type Reaction = {
  /** The densest level that was sufficient; where none was, the one that met the most deadlines. */
  sufficient: { level: number; share: number };
  /** The level in force at the onset. */
  onsetLevel: number;
  /** From the onset to the first swap to that level or a sparser one, or why there is no such time. */
  down: { ms: number; level: number } | 'none needed' | 'never';
  /**
   * From the onset to the first answer in time by that level or a sparser one, to a request that came after the onset: the agent relieves
   * single requests before it swaps. Absent where there was none.
   */
  reliefMs?: number;
  /** Requests due under stress before that swap (where there is none: in all of it), and those of them that missed the deadline. */
  before: { requests: number; missed: number };
  /** From the end of the stress to the first swap to the level of the onset or a denser one. */
  up: { ms: number } | 'none needed' | 'never';
};

export function activeLevelAt({ startLevel, swaps }: LevelledTrack, ms: number): number {
  return swaps.findLast(({ atMs }) => atMs <= ms)?.to ?? startLevel;
}

function stressedSpan(track: Track): { startMs: number; endMs: number } {
  const span = track.phases.find(({ stress }) => stress !== undefined);
  if (!span)
    throw new RangeError('Cannot judge a reaction as a phase of the track must be stressed: none is');
  return span;
}

/** Judges every level by the requests that came while it was active under stress, over all tracks. */
function findSufficient(
  tracks: readonly LevelledTrack[],
  levels: number,
  isMet: IsMet,
): Reaction['sufficient'] {
  const counts = Array.from({ length: levels }, (_, level) => ({ level, requests: 0, met: 0 }));
  for (const track of tracks) {
    const { startMs, endMs } = stressedSpan(track);
    for (const outcome of track.outcomes) {
      if (outcome.dueMs < startMs || outcome.dueMs >= endMs) continue;
      const count = counts[activeLevelAt(track, outcome.dueMs)];
      count.requests += 1;
      if (isMet(outcome)) count.met += 1;
    }
  }
  const judged = counts
    .filter(({ requests }) => requests >= fewestRequests)
    .map(({ level, requests, met }) => ({ level, share: met / requests }));
  if (judged.length === 0)
    throw new RangeError(
      `Cannot judge a reaction as at least ${fewestRequests} requests must come under stress: send more, or for longer`,
    );
  const best = judged.reduce((most, one) => (one.share > most.share ? one : most));
  return judged.find(({ share }) => share >= sufficientShare) ?? best;
}

type IsMet = (outcome: Track['outcomes'][number]) => boolean;

/**
 * Times an adaptive track's reaction. Which levels suffice is judged by what came of the requests, the fixed tracks' under the same stress
 * among them, not by what the agent thought.
 */
export function judgeReaction(options: {
  adaptive: LevelledTrack;
  fixed: readonly LevelledTrack[];
  deadlineMs: number;
  levels: number;
}): Reaction {
  const { adaptive, fixed, deadlineMs, levels } = options;
  const isMet: IsMet = ({ error, latencyMs }) => error === undefined && latencyMs <= deadlineMs;
  const { startMs, endMs } = stressedSpan(adaptive);
  const sufficient = findSufficient([adaptive, ...fixed], levels, isMet);
  const onsetLevel = activeLevelAt(adaptive, startMs);
  const stressed = adaptive.outcomes.filter(({ dueMs }) => dueMs >= startMs && dueMs < endMs);
  const underStress = adaptive.swaps.filter(({ atMs }) => atMs > startMs && atMs < endMs);
  const swap = underStress.find(({ to }) => to >= sufficient.level);
  const held = underStress.length === 0 && stressed.filter(isMet).length >= sufficientShare * stressed.length;

  const down = (): Reaction['down'] => {
    if (held || onsetLevel >= sufficient.level) return 'none needed';
    return swap ? { ms: swap.atMs - startMs, level: swap.to } : 'never';
  };
  const up = (): Reaction['up'] => {
    if (activeLevelAt(adaptive, endMs) <= onsetLevel) return 'none needed';
    const back = adaptive.swaps.find(({ atMs, to }) => atMs > endMs && to <= onsetLevel);
    return back ? { ms: back.atMs - endMs } : 'never';
  };
  const answers = stressed
    .filter((one) => isMet(one) && (one.level ?? -1) >= sufficient.level)
    .map(({ dueMs, latencyMs }) => dueMs + latencyMs - startMs);
  const before = stressed.filter(({ dueMs }) => dueMs < (swap?.atMs ?? Number.POSITIVE_INFINITY));
  return {
    onsetLevel,
    sufficient,
    down: down(),
    ...(answers.length === 0 ? {} : { reliefMs: Math.min(...answers) }),
    before: { requests: before.length, missed: before.filter((one) => !isMet(one)).length },
    up: up(),
  };
}
