import { execFile } from 'node:child_process';
import type { Logger } from '../wire/link/logger.ts';

export type Notifier = {
  /** The agent serves: `systemctl start` returns, units that wait for it begin. Signs of life follow, where the unit asks for them. */
  ready(): void;
  stopping(): void;
};

const sayLimitMs = 5000;

/**
 * Tells systemd what a service of `Type=notify` does (sd_notify(3)): that it is ready, that it lives (`WatchdogSec=`), that it stops. Node has no
 * datagram sockets of the Unix domain, so `systemd-notify` says it: the unit needs `NotifyAccess=all`. Without systemd nothing happens.
 *
 * The signs of life come from the event loop: where that hangs they end, and systemd starts the agent anew.
 */
export function createNotifier(options: {
  log: Logger;
  env?: NodeJS.ProcessEnv;
  /** Says one thing. */
  say?: (...states: string[]) => void;
}): Notifier {
  const { log, env = process.env } = options;
  const isAsked = env.NOTIFY_SOCKET !== undefined && env.NOTIFY_SOCKET !== '';
  let hasTold = false;
  const say =
    options.say ??
    ((...states: string[]) => {
      const child = execFile('systemd-notify', states, { timeout: sayLimitMs, env }, (error) => {
        if (error === null || hasTold) return;
        hasTold = true;
        log.warn({ why: error.message }, 'cannot tell systemd: systemd-notify must be there and must work');
      });
      child.unref();
    });
  let timer: NodeJS.Timeout | undefined;
  return {
    ready() {
      if (!isAsked) return;
      say('READY=1');
      // Half the time is what sd_watchdog_enabled(3) recommends.
      const everyMs = Number(env.WATCHDOG_USEC) / 2000;
      const isForUs = env.WATCHDOG_PID === undefined || Number(env.WATCHDOG_PID) === process.pid;
      if (everyMs > 0 && isForUs) timer = setInterval(() => say('WATCHDOG=1'), everyMs).unref();
    },
    stopping() {
      clearInterval(timer);
      if (isAsked) say('STOPPING=1');
    },
  };
}
