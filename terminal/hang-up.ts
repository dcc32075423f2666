import { isatty } from 'node:tty';

/**
 * Calls `listener` at each SIGHUP, which daemons take as "read your configuration again".
 * The same signal tells that the terminal has gone in which the process was started: it then ends in order, as at SIGTERM. Windows knows
 * only that second meaning, and ends the process itself.
 */
export function onHangUp(listener: () => void): void {
  if (process.platform === 'win32') return;
  const terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor));
  const receive = () => {
    // A terminal that was hung up answers with an error (Linux, hung_up_tty_ioctl), so that it looks like none.
    if (terminals.every((descriptor) => isatty(descriptor))) return listener();
    // Node aborts where it cannot reset the terminal at its exit (node::ResetStdio): the signal itself is the cleaner end.
    process.once('exit', () => {
      process.off('SIGHUP', receive);
      process.kill(process.pid, 'SIGHUP');
    });
    process.kill(process.pid, 'SIGTERM');
  };
  process.on('SIGHUP', receive);
}
