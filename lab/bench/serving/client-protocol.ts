/** What the benchmarks of serving and the process of their clients say to each other: one answer to each order. */
import type { Tally } from '../../load/closed-loop.ts';
import type { TensorEncoding } from '../../load/infer-client.ts';
import type { OwnOutputs } from '../own-outputs.ts';
import type { TurnAnswer } from './ask-one-by-one.ts';

/** The agent that the clients ask. */
export type Target = {
  url: string;
  model: string;
  input: { name: string; shape: number[] };
  expected: OwnOutputs;
};

export type Orders = {
  /** Starts a broker for the agent's telemetry; answers its URL. */
  startBroker: { order: object; answer: string };
  aim: { order: Target; answer: undefined };
  /** Sends `count` requests, one at a time. */
  takeTurn: { order: { encoding: TensorEncoding; count: number }; answer: TurnAnswer[] };
  /** Keeps `inFlight` requests in flight from now on. */
  startLoad: { order: { inFlight: number; backOffMs: number }; answer: undefined };
  /** What came of the load since the last call. */
  takeTally: { order: object; answer: Tally };
  /** Resolves when the last request has been answered. */
  stopLoad: { order: object; answer: undefined };
};

export type OrderKind = keyof Orders;

export type OrderMessage = {
  [Kind in OrderKind]: { id: number; kind: Kind; order: Orders[Kind]['order'] };
}[OrderKind];

export type AnswerMessage = { id: number; answer: unknown } | { id: number; error: string };
