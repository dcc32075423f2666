import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { AnswerMessage, OrderKind, OrderMessage, Orders } from './client-protocol.ts';

export type Clients = {
  /** @throws Error where the clients could not do it, or their process has ended. */
  ask<Kind extends OrderKind>(kind: Kind, order: Orders[Kind]['order']): Promise<Orders[Kind]['answer']>;
  stop(): Promise<void>;
};

/** Starts the clients' process: see client-process.ts. */
export function startClients(): Clients {
  const child = fork(fileURLToPath(new URL('./client-process.js', import.meta.url)), {
    // Typed arrays as they are.
    serialization: 'advanced',
    // What this process is profiled with is not for the clients.
    execArgv: [],
  });
  const waiting = new Map<number, { resolve: (answer: unknown) => void; reject: (error: Error) => void }>();
  let nextId = 0;
  const gone = () => new Error("Cannot go on as the clients' process must run: it has ended; start anew");
  const exited = once(child, 'exit').then(() => {
    for (const { reject } of waiting.values()) reject(gone());
    waiting.clear();
  });
  child.on('message', (message: AnswerMessage) => {
    const asked = waiting.get(message.id);
    waiting.delete(message.id);
    if ('error' in message) asked?.reject(new Error(message.error));
    else asked?.resolve(message.answer);
  });
  return {
    ask(kind, order) {
      const id = nextId++;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject });
        child.send({ id, kind, order } as OrderMessage, (error) => error && reject(gone()));
      });
    },
    async stop() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}
