import { describe, expect, it } from 'vitest';
import { mostShare } from '../../../agent/decide/load-share.ts';
import { observe, startPredictor } from '../../../agent/decide/predictor.ts';
import { chooseForRequest, type ReliefInput } from '../../../agent/decide/relief.ts';
import { answers, calibration, quiet } from './policy-input.ts';

const { nowMs } = quiet;
const predictor = observe(startPredictor(calibration), calibration, answers(quiet, 20, 1));
const alone: ReliefInput = {
  nowMs,
  calibration,
  predictor,
  goal: 0.99,
  levels: [0, 1, 2],
  request: { dueMs: nowMs + 50, batch: 1 },
  ahead: undefined,
  behind: [],
  deadlineMs: 50,
  inputsPerS: 20,
};

describe('chooseForRequest()', () => {
  it('keeps the active level where nobody waits', () => {
    expect(chooseForRequest(alone)).toBe(0);
    expect(chooseForRequest({ ...alone, levels: [1, 2] })).toBe(1);
  });

  it('takes a sparser level for a request that has waited long', () => {
    expect(chooseForRequest({ ...alone, request: { dueMs: nowMs + 15, batch: 1 } })).toBe(1);
    expect(chooseForRequest({ ...alone, request: { dueMs: nowMs + 4, batch: 1 } })).toBe(2);
    expect(chooseForRequest({ ...alone, request: { dueMs: nowMs - 9, batch: 1 } })).toBe(2);
  });

  it('counts what is left of the run ahead', () => {
    const ahead = { level: 0, batch: 1, sinceMs: nowMs };
    const request = { dueMs: nowMs + 35, batch: 1 };
    expect(chooseForRequest({ ...alone, request })).toBe(0);
    expect(chooseForRequest({ ...alone, request, ahead })).toBe(1);
    expect(chooseForRequest({ ...alone, request, ahead: { ...ahead, sinceMs: nowMs - 19 } })).toBe(0);
  });

  it('spares those behind it, but not those that are lost anyway', () => {
    const behind = [{ dueMs: nowMs + 15, batch: 1 }];
    expect(chooseForRequest({ ...alone, behind })).toBe(1);
    expect(chooseForRequest({ ...alone, behind: [{ dueMs: nowMs - 1, batch: 1 }] })).toBe(0);
  });
});

describe('mostShare()', () => {
  it('is the share that keeps the server 95% busy', () => {
    expect(mostShare({ requestsPerS: 10, meanMs: 20, reliefMs: 2 })).toBe(1);
    // 62.5 requests/s leave 15.2 ms each: 0.733 * 20 + 0.267 * 2.
    expect(mostShare({ requestsPerS: 62.5, meanMs: 20, reliefMs: 2 })).toBeCloseTo(13.2 / 18, 6);
    expect(mostShare({ requestsPerS: 1000, meanMs: 20, reliefMs: 2 })).toBe(0);
    expect(mostShare({ requestsPerS: 0, meanMs: 20, reliefMs: 2 })).toBe(1);
  });
});
