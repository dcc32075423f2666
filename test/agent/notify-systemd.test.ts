import { pino } from 'pino';
import { expect, it } from 'vitest';
import { createNotifier } from '../../agent/notify-systemd.ts';
import { until } from '../until.ts';

function setUp(env: NodeJS.ProcessEnv) {
  const said: string[] = [];
  const say = (...states: string[]) => void said.push(...states);
  return { said, notifier: createNotifier({ log: pino({ level: 'silent' }), env, say }) };
}

it('tells systemd that it is ready, that it lives, and that it stops', async () => {
  const { said, notifier } = setUp({ NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '4000' });
  notifier.ready();
  await until('two signs of life', () => said.length >= 3);
  notifier.stopping();
  expect(said.slice(0, 3)).toEqual(['READY=1', 'WATCHDOG=1', 'WATCHDOG=1']);
  expect(said.at(-1)).toBe('STOPPING=1');
});

it('says nothing where no systemd asks, and gives no signs of life that another process shall give', async () => {
  const alone = setUp({});
  alone.notifier.ready();
  alone.notifier.stopping();
  const other = setUp({ NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '2000', WATCHDOG_PID: '1' });
  other.notifier.ready();
  await new Promise((resolve) => setTimeout(resolve, 20));
  other.notifier.stopping();
  expect([alone.said, other.said]).toEqual([[], ['READY=1', 'STOPPING=1']]);
});
