import { RequestError } from '../../../listen/request-error.ts';
import { addTallies, type Ending, emptyTally, runClosedLoop, type Tally } from '../../load/closed-loop.ts';
import { isBitEqual } from '../own-outputs.ts';
import type { ServedAgent } from './open-served-agent.ts';

/** Requests in flight at any time, by each way. */
export type InFlight = { http: number; library: number };

export type SoakLoad = {
  /** What came of the requests since the last call. */
  takeTally(): Promise<Tally>;
  /** Resolves when the last request has ended. */
  stop(): Promise<void>;
};

/** Whoever is refused asks again after so long: one who did it at once would measure how fast an agent refuses. */
const backOffMs = 10;

/** A request by the library, from the agent's own process. */
async function askLibrary({ agent, expected }: ServedAgent, index: number): Promise<Ending> {
  const which = index % expected.inputs.length;
  try {
    const { output, level } = await agent.infer(expected.inputs[which]);
    return isBitEqual(output, expected.outputs[level][which]) ? 'answered' : 'different';
  } catch (error) {
    return error instanceof RequestError && error.status === 503 ? 'refused' : 'errors';
  }
}

/** Asks the agent by HTTP from the clients' process and by the library from this one, all the time. */
export async function startSoakLoad(served: ServedAgent, inFlight: InFlight): Promise<SoakLoad> {
  const { clients } = served;
  const end = new AbortController();
  let library = emptyTally();
  const asking = runClosedLoop({
    inFlight: inFlight.library,
    send: (index) => askLibrary(served, index),
    onEnding: (ending) => {
      library[ending] += 1;
    },
    backOffMs,
    signal: end.signal,
  });
  await clients.ask('startLoad', { inFlight: inFlight.http, backOffMs });
  return {
    async takeTally() {
      const taken = addTallies(library, await clients.ask('takeTally', {}));
      library = emptyTally();
      return taken;
    },
    async stop() {
      end.abort();
      await Promise.all([asking, clients.ask('stopLoad', {})]);
    },
  };
}
