import type { IConnackPacket } from 'mqtt';

/** What a broker allows on one connection. */
export type BrokerLimits = {
  retain: boolean;
  maxQos: 0 | 1;
  /** Largest packet that the broker takes. */
  packetBytesMax: number;
  /** Publications of QoS 1 that may be unacknowledged. */
  inFlightMax: number;
  wildcards: boolean;
};

/** What to leave out although the broker has not said so: it refused or dropped a connection that used it. */
export type Abstention = Pick<BrokerLimits, 'retain' | 'maxQos'>;

export const noAbstention: Abstention = { retain: true, maxQos: 1 };

// Bytes of a PUBLISH besides topic and payload: fixed header, lengths, packet id, properties that this link sends.
const publishHeadBytes = 32;

/** Reads the limits of a CONNACK. Under MQTT 3.1.1 a broker cannot state any. */
export function limitsOf(
  connack: Pick<IConnackPacket, 'properties'> | undefined,
  abstain: Abstention,
): BrokerLimits {
  const told = connack?.properties;
  return {
    retain: abstain.retain && told?.retainAvailable !== false,
    maxQos: abstain.maxQos === 0 || told?.maximumQoS === 0 ? 0 : 1,
    packetBytesMax: told?.maximumPacketSize ?? Number.POSITIVE_INFINITY,
    inFlightMax: Math.max(1, told?.receiveMaximum ?? 65_535),
    wildcards: told?.wildcardSubscriptionAvailable !== false,
  };
}

/** True if a publication fits into a packet that the broker takes. */
export function fits(limits: BrokerLimits, message: { topic: string; payload: Uint8Array }): boolean {
  const bytes = publishHeadBytes + Buffer.byteLength(message.topic) + message.payload.length;
  return bytes <= limits.packetBytesMax;
}

/** What the broker lacks and what follows from it, for a warning; null if it lacks nothing. */
export function describeLacks(limits: BrokerLimits): string | null {
  const lacks = [
    ...(limits.retain
      ? []
      : ['no retained messages: a monitor that starts later learns of a device only from its next messages']),
    ...(limits.maxQos === 1 ? [] : ['QoS 0 only: messages can be lost']),
    ...(limits.wildcards ? [] : ['no wildcard subscriptions']),
  ];
  return lacks.length === 0 ? null : lacks.join('; ');
}

// MQTT 5, table 2-6.
const retainNotSupported = 0x9a;
const qosNotSupported = 0x9b;

/** The next thing to leave out after a broker refused or dropped a connection; starts anew after the last. */
export function abstainMore(before: Abstention, reasonCode: number | undefined): Abstention {
  if (reasonCode === retainNotSupported) return { ...before, retain: false };
  if (reasonCode === qosNotSupported) return { ...before, maxQos: 0 };
  if (before.retain) return { ...before, retain: false };
  return before.maxQos === 1 ? { ...before, maxQos: 0 } : noAbstention;
}

export const isRefusedFeature = (code: unknown) => code === retainNotSupported || code === qosNotSupported;
