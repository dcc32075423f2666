import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { createLogUpdate } from 'log-update';
import { parseListenAddress } from '../listen/address.ts';
import { readToken, requireToken } from '../listen/token.ts';
import { interruptSignal } from '../terminal/interrupt.ts';
import { asUsage, UsageError } from '../terminal/usage-error.ts';
import { checkAccess } from '../wire/link/connect-once.ts';
import type { Logger } from '../wire/link/logger.ts';
import { readPemFiles } from '../wire/link/read-pem.ts';
import { checkTopicName } from '../wire/topics.ts';
import { type Fleet, type FleetOptions, startFleet } from './fleet.ts';
import type { FleetEvent } from './fleet-event.ts';
import { eventJson } from './fleet-json.ts';
import { eventLine } from './view/event-line.ts';
import { renderRoster } from './view/roster-view.ts';

const brokerDefault = { host: '127.0.0.1', port: 1883 };
// Not the port of `ebb run`: both run on one machine.
const httpDefault = { host: '127.0.0.1', port: 8081 };
const redrawMs = 500;
const noticeMs = 15_000;

type Options = {
  broker?: string;
  embeddedBroker?: string | true;
  http: string;
  fleet?: string;
  tokenFile?: string;
  username?: string;
  passwordFile?: string;
  ca?: string;
  cert?: string;
  key?: string;
  json?: true;
};

async function readPassword(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new Error(`Cannot read --password-file "${path}": ${error.message}`, { cause: error });
  });
  return text.split('\n', 1)[0]?.trim();
}

async function fleetOptions(options: Options, log: Logger): Promise<FleetOptions> {
  if (options.broker !== undefined && options.embeddedBroker !== undefined)
    throw new UsageError('Give either --broker or --embedded-broker, not both');
  const http = asUsage(() => parseListenAddress('--http', options.http, httpDefault));
  const { embeddedBroker, fleet } = options;
  if (fleet !== undefined) asUsage(() => checkTopicName('fleet', fleet));
  const address =
    embeddedBroker === undefined
      ? null
      : embeddedBroker === true
        ? brokerDefault
        : asUsage(() => parseListenAddress('--embedded-broker', embeddedBroker, brokerDefault));
  const token = await readToken({ file: options.tokenFile });
  asUsage(() => requireToken('the HTTP server', http, token));
  if (address !== null) asUsage(() => requireToken('the embedded broker', address, token));
  const brokerUrl = options.broker ?? 'mqtt://127.0.0.1:1883';
  const access = {
    username: options.username,
    password: await readPassword(options.passwordFile),
    ...readPemFiles(options),
  };
  if (address === null) asUsage(() => checkAccess({ ...access, url: brokerUrl }));
  return {
    http,
    log,
    ...(token === undefined ? {} : { token }),
    ...(fleet === undefined ? {} : { fleet }),
    ...(address === null ? { brokerUrl, access } : { embeddedBroker: address }),
  };
}

/** Passes warnings on as one line of text. */
function warningLog(tell: (line: string) => void): Logger {
  const say = (fields: Record<string, unknown>, text: string) =>
    tell([text, ...Object.values(fields).map(String)].join(': '));
  return { debug: () => undefined, info: () => undefined, warn: say, error: say };
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

type Show = { event(event: FleetEvent): void; end(): void };

function showJson(fleet: Fleet): Show {
  const print = (json: object) => process.stdout.write(`${JSON.stringify(json)}\n`);
  print({ event: 'listening', http: fleet.httpUrl, broker: fleet.brokerUrl });
  return { event: (event) => print(eventJson(event, new Date())), end: () => undefined };
}

function showLines(fleet: Fleet): Show {
  process.stderr.write(`broker ${fleet.brokerUrl}\nhttp   ${fleet.httpUrl}/api/devices\n`);
  return {
    event: (event) => process.stdout.write(`${new Date().toISOString()} ${eventLine(event)}\n`),
    end: () => undefined,
  };
}

function showTable(fleet: Fleet, notice: () => string | null): Show {
  const log = createLogUpdate(process.stdout);
  const draw = () =>
    log(
      renderRoster({
        roster: fleet.roster,
        brokerUrl: fleet.brokerUrl,
        brokerConnected: fleet.brokerConnected,
        mqtt: fleet.brokerVersion === null ? null : fleet.brokerVersion === 5 ? '5' : '3.1.1',
        httpUrl: fleet.httpUrl,
        notice: notice(),
        nowMs: fleet.clock.nowMs(),
        wallMs: fleet.clock.wallMs,
        columns: process.stdout.columns ?? 80,
        rows: process.stdout.rows ?? 24,
        color: process.stdout.hasColors?.() ?? false,
      }),
    );
  draw();
  const timer = setInterval(draw, redrawMs);
  return {
    event: () => undefined,
    end() {
      clearInterval(timer);
      draw();
      log.done();
    },
  };
}

async function run(options: Options): Promise<void> {
  const asTable = options.json === undefined && process.stdout.isTTY === true;
  let notice: { line: string; untilMs: number } | null = null;
  const log = warningLog((line) => {
    if (asTable) notice = { line, untilMs: performance.now() + noticeMs };
    else process.stderr.write(`ebb fleet: ${line}\n`);
  });
  const checked = await fleetOptions(options, log);
  const closed = new AbortController();
  // The reader of a pipe went away.
  process.stdout.once('error', () => closed.abort());
  const signal = AbortSignal.any([interruptSignal(), closed.signal]);
  const early: FleetEvent[] = [];
  let show: Show | null = null;
  const fleet = await startFleet({
    ...checked,
    signal,
    onEvent: (event) => {
      if (show) show.event(event);
      else early.push(event);
    },
  });
  const noticeNow = () => (notice !== null && performance.now() < notice.untilMs ? notice.line : null);
  if (options.json) show = showJson(fleet);
  else show = asTable ? showTable(fleet, noticeNow) : showLines(fleet);
  early.forEach(show.event);
  await untilAborted(signal);
  show.end();
  await fleet.stop();
}

/** `ebb fleet`: a monitor of many agents. */
export function command(): Command {
  return new Command('fleet')
    .option('--broker <url>', 'MQTT broker: mqtt, mqtts, ws or wss (default: mqtt://127.0.0.1:1883)')
    .option(
      '--embedded-broker [host:port]',
      'run a broker in this process (MQTT 3.1.1; default: 127.0.0.1:1883)',
    )
    .option('--http <host:port>', 'where to serve JSON', `${httpDefault.host}:${httpDefault.port}`)
    .option('--fleet <name>', 'watch this fleet only')
    .option(
      '--token-file <file>',
      'file with the secret that HTTP clients and clients of the embedded broker must give; default: EBB_TOKEN',
    )
    .option('--username <name>', 'user name for --broker')
    .option('--password-file <file>', 'file with the password for --broker')
    .option('--ca <file>', 'PEM of the authority that signed the certificate of --broker')
    .option('--cert <file>', 'PEM of the client certificate for --broker')
    .option('--key <file>', 'PEM of the key of --cert')
    .option('--json', 'print one JSON line an event')
    .addHelpText(
      'after',
      `
Examples:
  ebb fleet --embedded-broker                      a broker and a monitor, for this machine
  ebb fleet --broker mqtts://broker.local --ca ca.pem --fleet home
  ebb fleet --embedded-broker 0.0.0.0:1883 --http 0.0.0.0:8081 --token-file token

HTTP:
  GET  /api/devices   /api/devices/FLEET/DEVICE   /api/swaps   /healthz
  POST /api/devices/FLEET/DEVICE/set/level         {"level": 1}
  POST /api/devices/FLEET/DEVICE/set/policy        {"policy": "fixed", "level": 0}

Beyond loopback a token is needed: HTTP clients send "Authorization: Bearer TOKEN", MQTT clients give it as their
password with any user name. Ctrl-C ends it.`,
    )
    .action(run);
}
