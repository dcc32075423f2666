import type { CommandAnswer } from '../../wire/answer.ts';
import type { Command } from '../../wire/command.ts';
import type { Logger } from '../../wire/link/logger.ts';
import { readPemFiles } from '../../wire/link/read-pem.ts';
import type { SwapEvent } from '../../wire/swap.ts';
import type { HostedBundle } from '../host/host-bundle.ts';
import type { Profile } from '../profile/schema.ts';
import type { Identity } from '../sense/identity.ts';
import { buildTelemetry } from './build-telemetry.ts';
import { describeDevice, describeEngine, deviceName } from './describe-device.ts';
import { createReporter, type Reporter, type ReporterOptions } from './reporter.ts';

export type StateReporterOptions = {
  profile: () => Profile;
  /** The bundle that answers now. */
  host: () => HostedBundle | undefined;
  /** Requests that wait or run. */
  queueDepth: () => number;
  onCommand: (command: Command) => Promise<CommandAnswer>;
  log: Logger;
  /** Makes the link to the broker. */
  createReporter?: ((options: ReporterOptions) => Reporter) | undefined;
};

/** What the agent tells a broker of itself: what it is, windows of telemetry, swaps; nothing where the profile names no broker. */
export type StateReporter = {
  /** Does not wait for the broker: one that is away must not hold up the serving. */
  start(identity: Identity): void;
  /** Says anew what the device is, and keeps to the interval that is in force now: bundle or profile have changed. */
  renew(): void;
  publishSwap(swap: SwapEvent): void;
  /** Ends the windows with the last one. */
  endTelemetry(): void;
  stop(): Promise<void>;
};

/** The PEM files that the profile names for its broker. @throws Error for one that cannot be used. */
export function readBrokerFiles({ report }: Profile): ReturnType<typeof readPemFiles> {
  if (report.broker === undefined) return {};
  return readPemFiles({ ca: report.caFile, cert: report.certFile, key: report.keyFile });
}

export function createStateReporter(options: StateReporterOptions): StateReporter {
  const { profile, host, queueDepth, log } = options;
  let identity: Identity | undefined;
  let reporter: Reporter | undefined;
  let timer: NodeJS.Timeout | undefined;
  let intervalMs: number | undefined;

  let saidEngine: string | undefined;

  function describe(own: Identity, { manifest, engine }: HostedBundle): ReturnType<typeof describeDevice> {
    const { sensors, readings } = profile();
    saidEngine = describeEngine(engine);
    return describeDevice({
      identity: own,
      manifest,
      engine,
      sensors: [...sensors, ...readings.map(({ name }) => name)],
    });
  }

  /** The levels may run in different engines, and a calibration may have chosen others. */
  function followEngine(): void {
    const hosted = host();
    if (!hosted || !identity || describeEngine(hosted.engine) === saidEngine) return;
    reporter?.publishInfo(describe(identity, hosted));
  }

  function publishTelemetry(): void {
    const hosted = host();
    if (!hosted) return;
    followEngine();
    const { manifest, stats, loop, engine } = hosted;
    const telemetry = buildTelemetry({
      window: stats.takeWindow(),
      manifest,
      readings: loop.reports.flatMap((report) => report.readings),
      state: {
        level: engine.level,
        policy: loop.policy,
        slowdown: loop.slowdown,
        queueDepth: queueDepth(),
        deadlineMs: profile().deadlineMs,
      },
    });
    reporter?.publishTelemetry(telemetry);
  }

  function keepInterval(): void {
    if (profile().report.intervalMs === intervalMs) return;
    intervalMs = profile().report.intervalMs;
    clearInterval(timer);
    timer = setInterval(publishTelemetry, intervalMs);
  }

  return {
    start(own) {
      identity = own;
      keepInterval();
      const hosted = host();
      const { broker, fleet, device = deviceName(own.hostname) } = profile().report;
      if (broker === undefined || !hosted) return;
      reporter = (options.createReporter ?? createReporter)({
        url: broker,
        ...readBrokerFiles(profile()),
        fleet,
        device,
        info: describe(own, hosted),
        onCommand: options.onCommand,
        log,
      });
      reporter
        .start()
        .catch((error: unknown) => log.error({ err: error }, `cannot report: ${String(error)}`));
    },
    renew() {
      const hosted = host();
      if (!identity || !hosted) return;
      reporter?.publishInfo(describe(identity, hosted));
      keepInterval();
    },
    publishSwap(swap) {
      reporter?.publishSwap(swap);
      followEngine();
    },
    endTelemetry() {
      clearInterval(timer);
      publishTelemetry();
    },
    async stop() {
      await reporter?.stop();
    },
  };
}
