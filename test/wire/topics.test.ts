import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deviceTopics, isTopicName, monitorFilters, parseTopic } from '../../wire/topics.ts';

describe('topics', () => {
  it('are parsed as they were built, for every name that is allowed', () => {
    const name = fc.string({ minLength: 1, maxLength: 64, unit: 'grapheme' }).filter(isTopicName);
    fc.assert(
      fc.property(name, name, (fleet, device) => {
        const topics = deviceTopics({ fleet, device });
        for (const kind of ['status', 'info', 'telemetry', 'swap'] as const)
          expect(parseTopic(topics[kind])).toEqual({ fleet, device, kind });
        expect(parseTopic(topics.set('level'))).toEqual({ fleet, device, kind: 'set', command: 'level' });
        expect(parseTopic(topics.answer('policy'))).toEqual({
          fleet,
          device,
          kind: 'answer',
          command: 'policy',
        });
      }),
    );
  });

  it.each(['', 'a/b', 'a+', '#', 'a b', 'a\nb', '\u0000', '\u202e', '$SYS', 'x'.repeat(65)])(
    'refuse the name %j',
    (name) => {
      expect(() => deviceTopics({ fleet: name, device: 'd' })).toThrow(/fleet name/);
      expect(() => deviceTopics({ fleet: 'f', device: name })).toThrow(/device name/);
    },
  );

  it('that are not ours are null, whatever they are', () => {
    for (const topic of [
      '',
      'ebb',
      'ebb/f/d',
      'ebb/f/d/other',
      'ebb//d/status',
      'x/f/d/status',
      'ebb/f/d/status/x',
    ])
      expect(parseTopic(topic)).toBeNull();
    for (const topic of [
      'ebb/f/d/set',
      'ebb/f/d/set/',
      'ebb/f/d/set/level/other',
      'ebb/f/d/set/level/answer/x',
    ])
      expect(parseTopic(topic)).toBeNull();
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (topic) => {
        parseTopic(topic);
      }),
    );
  });

  it('of all fleets or of one are what a monitor subscribes to', () => {
    expect(monitorFilters()).toContain('ebb/+/+/telemetry');
    expect(monitorFilters('home')).toContain('ebb/home/+/set/+/answer');
    expect(() => monitorFilters('#')).toThrow(/fleet name/);
  });
});
