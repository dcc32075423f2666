import type { ReporterOptions } from '../../../agent/report/reporter.ts';
import { info } from '../../wire/samples.ts';

/** A reporter's options but for the broker and the log: device `f/d`, which obeys every command. */
export const reporterOptions: Omit<ReporterOptions, 'url' | 'log'> = {
  fleet: 'f',
  device: 'd',
  info,
  onCommand: async () => ({ ok: true }),
  random: () => 0.1,
};
