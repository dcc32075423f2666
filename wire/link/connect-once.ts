import { connect, type IClientOptions, type IConnackPacket, type MqttClient } from 'mqtt';
import { type Abstention, type BrokerLimits, isRefusedFeature, limitsOf } from './broker-limits.ts';
import { type BrokerUrl, parseBrokerUrl } from './broker-url.ts';

/** 5 is MQTT 5; 4 is how MQTT 3.1.1 names itself. */
export type ProtocolVersion = 4 | 5;

export type Will = { topic: string; payload: Uint8Array };

export type Access = {
  url: string;
  username?: string | undefined;
  password?: string | undefined;
  /** PEM: the authority that signed the broker's certificate; the client's own certificate and key. */
  ca?: string | Buffer | undefined;
  cert?: string | Buffer | undefined;
  key?: string | Buffer | undefined;
};

export type Attempt =
  | { outcome: 'connected'; client: MqttClient; version: ProtocolVersion; limits: BrokerLimits }
  /** The broker answered, but does not speak this version. */
  | { outcome: 'other-version'; error: Error }
  /** The broker refuses retained messages or this QoS, as `code` says. */
  | { outcome: 'lacks'; error: Error; code: number }
  | { outcome: 'failed'; error: Error };

const connectTimeoutMs = 5000;
/** Timers may fire a little early by another clock. */
const clockSlackMs = 50;
/** Largest packet that an MQTT 5 broker may send us; our largest payload and its head fit. */
const packetBytesMax = 300 * 1024;
// CONNACK: 1 in MQTT 3.1.1 (aedes answers so, in 3.1.1's form, to an MQTT 5 CONNECT) and 0x84 in MQTT 5.
const versionRefusals = new Set([1, 0x84]);

/** Reads URL and certificates. Throws a TypeError where they cannot be used. */
export function checkAccess(access: Access): BrokerUrl {
  const url = parseBrokerUrl(access.url);
  if ((access.cert === undefined) !== (access.key === undefined))
    throw new TypeError(
      'Cannot use the client certificate as certificate and key must be given together: current value is one of them',
    );
  if ((access.cert ?? access.ca) !== undefined && url.protocol !== 'mqtts' && url.protocol !== 'wss')
    throw new TypeError(
      `Cannot use certificates as the broker's URL must begin with mqtts:// or wss://: current value is ${JSON.stringify(url.shown)}`,
    );
  return url;
}

function clientOptions(access: Access, url: BrokerUrl): IClientOptions {
  const options: IClientOptions = {
    protocol: url.protocol,
    host: url.host,
    port: url.port,
    path: url.path,
    connectTimeout: connectTimeoutMs,
    // We reconnect ourselves: with jitter, and with a fresh client whose queue is empty.
    reconnectPeriod: 0,
    queueQoSZero: false,
    resubscribe: false,
  };
  const username = access.username ?? url.username;
  const password = access.password ?? url.password;
  if (username !== undefined) options.username = username;
  if (password !== undefined) options.password = password;
  if (access.ca !== undefined) options.ca = access.ca;
  if (access.cert !== undefined) options.cert = access.cert;
  if (access.key !== undefined) options.key = access.key;
  return options;
}

/** Makes one connection in one protocol version. Never rejects. */
export function connectOnce(options: {
  access: Access;
  version: ProtocolVersion;
  clientId: string;
  keepaliveS: number;
  will?: Will | undefined;
  /** What the last will must not use, and later publications neither. */
  abstain: Abstention;
  nowMs: () => number;
  signal: AbortSignal;
}): Promise<Attempt> {
  const { access, version, signal, abstain } = options;
  const startedMs = options.nowMs();
  const url = checkAccess(access);
  const client = connect({
    ...clientOptions(access, url),
    protocolVersion: version,
    clientId: options.clientId,
    clean: true,
    keepalive: options.keepaliveS,
    ...(version === 5 ? { properties: { maximumPacketSize: packetBytesMax } } : {}),
    ...(options.will
      ? {
          will: {
            topic: options.will.topic,
            payload: Buffer.from(options.will.payload),
            qos: abstain.maxQos,
            retain: abstain.retain,
          },
        }
      : {}),
  });
  return new Promise((resolve) => {
    const settle = (attempt: Attempt) => {
      signal.removeEventListener('abort', onAbort);
      client.off('connect', onConnect).off('error', onError).off('close', onClose);
      if (attempt.outcome !== 'connected') client.end(true);
      resolve(attempt);
    };
    const failed = (error: Error) => settle({ outcome: 'failed', error });
    const onAbort = () => failed(new Error('stopped'));
    const onConnect = (connack: IConnackPacket) =>
      settle({ outcome: 'connected', client, version, limits: limitsOf(connack, abstain) });
    const isLate = () => options.nowMs() - startedMs >= connectTimeoutMs - clockSlackMs;
    const onError = (error: Error & { code?: unknown }) => {
      if (typeof error.code === 'number' && versionRefusals.has(error.code))
        settle({ outcome: 'other-version', error });
      else if (typeof error.code === 'number' && isRefusedFeature(error.code))
        settle({ outcome: 'lacks', error, code: error.code });
      // A broker that cannot make sense of our CONNECT may just hang up, or answer what only its own version can read.
      else if (
        error.code === 'ECONNRESET' ||
        error.code === 'EPIPE' ||
        (error.code === undefined && !isLate())
      )
        settle({ outcome: 'other-version', error });
      else failed(error);
    };
    const onClose = () => {
      if (isLate()) failed(new Error(`no answer from ${url.shown} within ${connectTimeoutMs / 1000} s`));
      else
        settle({
          outcome: 'other-version',
          error: new Error(`${url.shown} closed the connection without an answer`),
        });
    };
    client.on('connect', onConnect).on('error', onError).on('close', onClose);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
