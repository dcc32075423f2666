import { describe, expect, it } from 'vitest';
import { snakeJson } from '../../terminal/snake-json.ts';

describe('snakeJson()', () => {
  it('writes every key in snake_case, at every depth, and leaves values alone', () => {
    const value = { latencyP50Ms: 1.5, levels: [{ relativeMacs: null, name: 'camelCase' }], ok: true };
    expect(snakeJson(value)).toBe(
      '{"latency_p50_ms":1.5,"levels":[{"relative_macs":null,"name":"camelCase"}],"ok":true}',
    );
  });
});
