import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAnswer, encodeAnswer } from '../../wire/answer.ts';
import {
  type Command,
  commandName,
  decodeCommand,
  encodeCommand,
  peekCommandId,
} from '../../wire/command.ts';
import { payloadBytesMax } from '../../wire/decode.ts';
import { decodeInfo, encodeInfo } from '../../wire/info.ts';
import { decodeStatus, encodeStatus } from '../../wire/status.ts';
import { decodeSwap, encodeSwap } from '../../wire/swap.ts';
import { decodeTelemetry, encodeTelemetry } from '../../wire/telemetry.ts';
import { info, stamp, swap, telemetry } from './samples.ts';

const bytesOf = (json: unknown) => new TextEncoder().encode(JSON.stringify(json));
const jsonOf = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));

/** Every decoder, with one payload that it takes. */
const decoders = {
  status: { decode: decodeStatus, bytes: encodeStatus(stamp, { status: 'online', reason: null }) },
  info: { decode: decodeInfo, bytes: encodeInfo(stamp, info) },
  telemetry: { decode: decodeTelemetry, bytes: encodeTelemetry(stamp, telemetry) },
  swap: { decode: decodeSwap, bytes: encodeSwap(stamp, swap) },
  level: {
    decode: (bytes: Uint8Array) => decodeCommand('level', bytes),
    bytes: encodeCommand({ id: 'a', command: { kind: 'set_level', level: 2 } }),
  },
  policy: {
    decode: (bytes: Uint8Array) => decodeCommand('policy', bytes),
    bytes: encodeCommand({ id: 'a', command: { kind: 'set_policy', policy: 'fixed', level: 0 } }),
  },
  reload: {
    decode: (bytes: Uint8Array) => decodeCommand('reload', bytes),
    bytes: encodeCommand({ id: 'a', command: { kind: 'reload' } }),
  },
  answer: { decode: decodeAnswer, bytes: encodeAnswer({ id: 'a', answer: { ok: false, error: 'no' } }) },
};

describe('what is encoded is decoded again', () => {
  it('a status', () => {
    const body = { status: 'offline', reason: 'connection lost' } as const;
    expect(decodeStatus(encodeStatus(stamp, body))).toEqual({ ok: true, value: { stamp, body } });
  });

  it('an info', () => {
    expect(decodeInfo(encodeInfo(stamp, info))).toEqual({ ok: true, value: { stamp, body: info } });
  });

  it('a telemetry window, also one without requests', () => {
    const idle = {
      ...telemetry,
      requests: 0,
      deadlineHits: 0,
      latencyP50Ms: null,
      latencyP99Ms: null,
      expectedAccuracy: null,
      readings: [],
    };
    for (const body of [telemetry, idle])
      expect(decodeTelemetry(encodeTelemetry(stamp, body))).toEqual({ ok: true, value: { stamp, body } });
  });

  it('a swap', () => {
    expect(decodeSwap(encodeSwap(stamp, swap))).toEqual({ ok: true, value: { stamp, body: swap } });
  });

  it('a command, with and without an id and a level', () => {
    const commands: Command[] = [
      { kind: 'set_level', level: 3 },
      { kind: 'set_policy', policy: 'deadline' },
      { kind: 'set_policy', policy: 'fixed', level: 0 },
      { kind: 'reload' },
    ];
    for (const command of commands)
      for (const id of ['x-1', null])
        expect(decodeCommand(commandName(command), encodeCommand({ id, command }))).toEqual({
          ok: true,
          value: { id, command },
        });
  });

  it('an answer', () => {
    for (const answered of [
      { id: null, answer: { ok: true } as const },
      { id: 'x', answer: { ok: true, note: 'changed at once: goal 0.99 -> 0.9' } as const },
      { id: 'x', answer: { ok: false, error: 'no such level' } as const },
    ])
      expect(decodeAnswer(encodeAnswer(answered))).toEqual({ ok: true, value: answered });
  });
});

describe('the wire', () => {
  it('speaks snake_case with a schema version in every payload', () => {
    for (const { bytes } of Object.values(decoders)) {
      const json = jsonOf(bytes);
      expect(json.schema).toBe(1);
      const keys: string[] = [];
      JSON.stringify(json, (key, value) => {
        keys.push(key);
        return value;
      });
      expect(keys.filter((key) => /[A-Z]/.test(key))).toEqual([]);
    }
  });

  it('ignores keys that a newer sender adds', () => {
    for (const { decode, bytes } of Object.values(decoders)) {
      const plain = decode(bytes);
      expect(plain.ok).toBe(true);
      expect(decode(bytesOf({ ...jsonOf(bytes), new_key: { deep: [1] } }))).toEqual(plain);
    }
  });

  it('refuses another schema version and tells the cure', () => {
    const result = decodeTelemetry(bytesOf({ ...jsonOf(decoders.telemetry.bytes), schema: 2 }));
    expect(result.ok).toBe(false);
    expect(!result.ok && result.error).toMatch(/schema.*versions of ebb/);
  });

  it.each([
    ['telemetry', { level_share: [1.5] }],
    ['telemetry', { requests: -1 }],
    ['telemetry', { deadline_hits: 51 }],
    ['telemetry', { level: 0.5 }],
    ['telemetry', { slowdown: '1' }],
    ['telemetry', { window_s: 0 }],
    ['telemetry', { readings: [{ name: 'x', value: null, unit: '' }] }],
    ['swap', { to: 64 }],
    ['swap', { at: 'yesterday' }],
    ['swap', { reason: 'x'.repeat(1001) }],
    ['info', { bundle: { name: 'x', levels: [] } }],
    ['status', { status: 'dead' }],
    ['status', { seq: -1 }],
    ['status', { start: '' }],
    ['level', { level: -1 }],
    ['policy', { policy: 'fastest' }],
  ] as const)('refuses %s with %o and names the key', (kind, change) => {
    const { decode, bytes } = decoders[kind];
    const result = decode(bytesOf({ ...jsonOf(bytes), ...change }));
    expect(result.ok).toBe(false);
    expect(!result.ok && result.error).toContain(Object.keys(change)[0]!);
  });

  it('refuses numbers that overflow to infinity', () => {
    const text = JSON.stringify(jsonOf(decoders.telemetry.bytes)).replace(
      '"slowdown":1.4',
      '"slowdown":1e999',
    );
    expect(decodeTelemetry(new TextEncoder().encode(text)).ok).toBe(false);
  });

  it('refuses more than 256 KiB unread', () => {
    const result = decodeSwap(new Uint8Array(payloadBytesMax + 1).fill(32));
    expect(!result.ok && result.error).toMatch(/at most 262144 bytes: current value is 262145/);
  });

  it('never sends what a receiver would refuse', () => {
    expect(() => encodeTelemetry(stamp, { ...telemetry, slowdown: Number.NaN })).toThrow(/slowdown/);
  });
});

describe('hostile payloads', () => {
  const shortError = (result: { ok: boolean; error?: string }) =>
    result.ok || (typeof result.error === 'string' && result.error.length <= 300);

  it('arbitrary bytes are answered with a short error, never thrown', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        for (const { decode } of Object.values(decoders)) expect(shortError(decode(bytes))).toBe(true);
        peekCommandId(bytes);
      }),
    );
  });

  it('arbitrary JSON is answered with a short error, never thrown', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        for (const { decode } of Object.values(decoders)) {
          const result = decode(new TextEncoder().encode(text));
          // Any object asks for a reload, which has no parameters.
          if (decode !== decoders.reload.decode) expect(result.ok).toBe(false);
          expect(shortError(result)).toBe(true);
        }
      }),
    );
  });

  it('valid payloads with one value exchanged are taken or refused, never thrown', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(decoders)),
        fc.nat(),
        fc.jsonValue(),
        ({ decode, bytes }, pick, value) => {
          const json = jsonOf(bytes);
          const keys = Object.keys(json);
          json[keys[pick % keys.length]!] = value;
          expect(shortError(decode(bytesOf(json)))).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('deep nesting and __proto__ do no harm', () => {
    const deep = new TextEncoder().encode('['.repeat(100_000));
    const proto = new TextEncoder().encode('{"__proto__":{"polluted":1},"level":1}');
    expect(decodeTelemetry(deep).ok).toBe(false);
    expect(decodeCommand('level', proto)).toEqual({
      ok: true,
      value: { id: null, command: { kind: 'set_level', level: 1 } },
    });
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  it('a reload cannot name a file', () => {
    const result = decodeCommand(
      'reload',
      bytesOf({ id: 'x', profile: '/tmp/evil.yaml', path: '/tmp/evil.yaml' }),
    );
    expect(result).toEqual({ ok: true, value: { id: 'x', command: { kind: 'reload' } } });
  });

  it('an unknown command is refused by name', () => {
    const result = decodeCommand('reboot', bytesOf({}));
    expect(!result.ok && result.error).toMatch(/"reboot".*level, policy/);
  });
});
