import { describe, expect, it } from 'vitest';
import { describeMemory, megabytes } from '../../../agent/calibrate/describe-memory.ts';

describe('describeMemory()', () => {
  it('says of what was measured that it is about so much', () => {
    const measured = { engine: 'ort' as const, bytes: 31_260_000, levelBytes: [31_260_000], isExact: false };
    const counted = { engine: 'sparse' as const, bytes: 935_936, isExact: true };
    expect(describeMemory([measured, counted])).toBe('ort about 31.3 MB, sparse 0.94 MB');
    expect(describeMemory([])).toBe('');
  });
});

it('megabytes() tells small ones with two decimals', () => {
  expect([0, 128 * 1024, 9_990_000, 10_000_000].map(megabytes)).toEqual(['0.00', '0.13', '9.99', '10.0']);
});
