import { pino } from 'pino';
import { type EmbeddedBroker, startEmbeddedBroker } from '../../../fleet/broker/embedded-broker.ts';
import { authority } from '../../../listen/address.ts';
import { type Ending, emptyTally, runClosedLoop, type Tally } from '../../load/closed-loop.ts';
import { InferClient, type TensorEncoding } from '../../load/infer-client.ts';
import { isBitEqual } from '../own-outputs.ts';
import { type Ask, askOneByOne } from './ask-one-by-one.ts';
import type { AnswerMessage, OrderKind, OrderMessage, Orders, Target } from './client-protocol.ts';

/** The clients' process: the broker, and whoever asks over HTTP, so that none of their work is done by the agent's. */
let broker: EmbeddedBroker | undefined;
let target: Target | undefined;
const clients = new Map<TensorEncoding, InferClient>();
let tally: Tally = emptyTally();
let load: { end: AbortController; ended: Promise<void> } | undefined;

function requireTarget(): Target {
  if (target === undefined)
    throw new Error('Cannot send requests as the clients must know whom to ask: aim first');
  return target;
}

function clientOf(encoding: TensorEncoding): InferClient {
  const known = clients.get(encoding);
  if (known !== undefined) return known;
  const client = new InferClient({ ...requireTarget(), encoding });
  clients.set(encoding, client);
  return client;
}

const askOverHttp =
  (encoding: TensorEncoding): Ask =>
  async (input) => {
    const { output, level, error } = await clientOf(encoding).infer(input, 1);
    if (output === undefined || level === undefined) throw new Error(error ?? 'the agent gave no output');
    return { output, level };
  };

async function send(index: number): Promise<Ending> {
  const { expected } = requireTarget();
  const which = index % expected.inputs.length;
  try {
    const { status, output, level } = await clientOf('binary').infer(expected.inputs[which], 1);
    if (output === undefined || level === undefined) return status === 503 ? 'refused' : 'errors';
    return isBitEqual(output, expected.outputs[level][which]) ? 'answered' : 'different';
  } catch {
    return 'errors';
  }
}

const obey: { [Kind in OrderKind]: (order: Orders[Kind]['order']) => Promise<Orders[Kind]['answer']> } = {
  async startBroker() {
    broker = await startEmbeddedBroker({
      address: { host: '127.0.0.1', port: 0 },
      token: undefined,
      log: pino({ level: 'silent' }),
    });
    return `mqtt://${authority(broker.address)}`;
  },
  async aim(order) {
    target = order;
  },
  takeTurn: ({ encoding, count }) => askOneByOne(askOverHttp(encoding), requireTarget().expected, count),
  async startLoad({ inFlight, backOffMs }) {
    const end = new AbortController();
    const onEnding = (ending: Ending) => {
      tally[ending] += 1;
    };
    const ended = runClosedLoop({ inFlight, send, onEnding, backOffMs, signal: end.signal });
    load = { end, ended };
  },
  async takeTally() {
    const taken = tally;
    tally = emptyTally();
    return taken;
  },
  async stopLoad() {
    load?.end.abort();
    await load?.ended;
  },
};

async function answer({ id, kind, order }: OrderMessage): Promise<AnswerMessage> {
  try {
    return { id, answer: await obey[kind](order as never) };
  } catch (error) {
    return { id, error: (error as Error).message };
  }
}

process.on('message', async (message: OrderMessage) => {
  process.send?.(await answer(message));
});
// However the benchmark ends, its clients do not outlive it; Ctrl-C reaches them from the terminal too, and the benchmark sees to it.
process.on('disconnect', () => process.exit());
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => {});
