import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type EbbEvent, type EbbProcess, startEbb } from '../drive/ebb-process.ts';
import { readSwap, type TimedSwap } from '../drive/timed-swap.ts';

const restartMs = 1000;

export type Monitor = {
  brokerUrl: string;
  url: string;
  /** Swaps that were reported so far. */
  swaps(): readonly TimedSwap[];
  waitForDevice(signal: AbortSignal): Promise<void>;
  /** Commands the agent, over the monitor's HTTP door and MQTT. */
  setPolicy(policy: 'adaptive' | 'fixed'): Promise<void>;
  stop(): Promise<void>;
};

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('Cannot find a free TCP port');
  return address.port;
}

/**
 * Starts `ebb fleet` with its own broker and tells what it reports. Where it dies it is started again on the same ports: the agent
 * goes on answering meanwhile, and reconnects.
 */
export async function startMonitor(options: { out: string; say: (line: string) => void }): Promise<Monitor> {
  const [brokerPort, httpPort] = [await freePort(), await freePort()];
  let stopped = false;
  const swaps: TimedSwap[] = [];
  const onEvent = (event: EbbEvent) => {
    if (event.event === 'swap') {
      swaps.push(readSwap(event));
      options.say(`  swap  level ${event.from} -> ${event.to}: ${event.reason}`);
    }
    if (event.event === 'online' || event.event === 'offline')
      options.say(`  monitor  ${event.device} is ${event.event}`);
  };
  const start = (): EbbProcess =>
    startEbb({
      args: [
        'fleet',
        '--embedded-broker',
        `127.0.0.1:${brokerPort}`,
        '--http',
        `127.0.0.1:${httpPort}`,
        '--json',
      ],
      logFile: join(options.out, 'fleet.log'),
      onEvent,
      onUnexpectedExit: (how) => {
        if (stopped) return;
        options.say(`  the monitor and its broker ended with ${how}; answers go on, starting it again`);
        setTimeout(() => {
          if (!stopped) running = start();
        }, restartMs);
      },
    });
  let running = start();
  const url = `http://127.0.0.1:${httpPort}`;
  await running.waitFor('listening');
  return {
    url,
    brokerUrl: `mqtt://127.0.0.1:${brokerPort}`,
    swaps: () => swaps,
    async waitForDevice(signal) {
      for (let tries = 0; tries < 100; tries += 1) {
        const response = await fetch(`${url}/api/devices/ebb/demo`).catch(() => undefined);
        if (response?.ok && ((await response.json()) as { state?: string }).state === 'online') return;
        await sleep(100, undefined, { signal });
      }
      throw new Error(
        `the agent did not report to the monitor within 10 s; look at ${join(options.out, 'agent.log')}`,
      );
    },
    async setPolicy(policy) {
      const body = JSON.stringify(
        policy === 'fixed' ? { policy: 'fixed', level: 0 } : { policy: 'deadline' },
      );
      const response = await fetch(`${url}/api/devices/ebb/demo/set/policy`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body,
      });
      if (!response.ok) throw new Error(`Cannot set the policy ${policy}: ${await response.text()}`);
    },
    async stop() {
      stopped = true;
      await running.stop();
    },
  };
}
