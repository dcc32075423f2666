import type { Profile } from '../../../agent/profile/schema.ts';
import { describeMachine } from '../describe-machine.ts';
import { takeTurns } from '../take-turns.ts';
import { askOneByOne, type TurnAnswer } from './ask-one-by-one.ts';
import { compareWays, type WayLatency } from './compare-ways.ts';
import { openServedAgent, type ServedAgent } from './open-served-agent.ts';

export type OverheadBenchOptions = {
  /** Folder of the bundle. */
  bundle: string;
  profile: Profile;
  /** Turns of each way that are counted. */
  rounds: number;
  /** Requests of a turn that are counted. */
  requests: number;
  signal: AbortSignal;
  onProgress?: (text: string) => void;
};

export type OverheadBenchResult = {
  machine: string;
  /** The one that the agent chose, and what computes it. */
  level: number;
  engine: string;
  rounds: number;
  requests: number;
  /** Answers of other levels, as the agent had swapped: their latencies are not counted. */
  atOtherLevels: number;
  /** Answers that were not bit-equal to their level's own. */
  different: number;
  ways: WayLatency[];
};

/** How long the inference alone takes is what the engine's answers tell. */
const alone = 'inference alone';
const bare = 'bare engine';

/** Requests at the beginning of a turn that are not counted: they find what the way before has left in caches and sleeping threads. */
const warmUpRequests = 5;
/** In which the ways are compiled. */
const warmUpRounds = 2;

type Ways = { [way: string]: (count: number) => Promise<TurnAnswer[]> };

/** Engine and library are called in the agent's process; HTTP's clients have one of their own. */
function waysTo({ agent, engine, clients, expected }: ServedAgent): Ways {
  return {
    [bare]: (count) => askOneByOne((input) => engine.run(input, 1), expected, count),
    'library call': (count) => askOneByOne((input) => agent.infer(input), expected, count),
    'HTTP binary': (count) => clients.ask('takeTurn', { encoding: 'binary', count }),
    'HTTP JSON': (count) => clients.ask('takeTurn', { encoding: 'json', count }),
  };
}

/** What the agent takes beyond the engine: the same inputs to the same engine by each way in turns, one request at a time. */
export async function runOverheadBench(options: OverheadBenchOptions): Promise<OverheadBenchResult> {
  const { rounds, requests, signal, onProgress = () => {} } = options;
  const served = await openServedAgent(options);
  try {
    const { level } = served.engine;
    const turns: { way: string; answers: TurnAnswer[] }[] = [];
    const contestants = Object.entries(waysTo(served)).map(([way, ask]) => {
      let round = 0;
      return {
        async turn() {
          signal.throwIfAborted();
          const answers = await ask(warmUpRequests + requests);
          round += 1;
          if (round > warmUpRounds) turns.push({ way, answers: answers.slice(warmUpRequests) });
          onProgress(`round ${round} of ${rounds + warmUpRounds}`);
          return round === rounds + warmUpRounds;
        },
      };
    });
    await takeTurns(contestants);
    const answers = turns.flatMap((turn) => turn.answers);
    const latenciesOf = (name: string, pick: (answer: TurnAnswer) => number | undefined) =>
      turns
        .filter(({ way }) => way === name)
        .map((turn) => turn.answers.filter((answer) => answer.level === level).map((one) => pick(one) ?? 0));
    const byBare = latenciesOf(bare, ({ latencyMs }) => latencyMs);
    return {
      machine: describeMachine(),
      level,
      engine: served.engine.engineOf(level),
      rounds,
      requests,
      atOtherLevels: answers.filter((answer) => answer.level !== level).length,
      different: answers.filter(({ isOwn }) => !isOwn).length,
      ways: [
        compareWays(
          alone,
          latenciesOf(bare, ({ inferMs }) => inferMs),
          byBare,
        ),
        ...Object.keys(waysTo(served)).map((way) =>
          compareWays(
            way,
            latenciesOf(way, ({ latencyMs }) => latencyMs),
            byBare,
          ),
        ),
      ],
    };
  } finally {
    await served.close();
  }
}
