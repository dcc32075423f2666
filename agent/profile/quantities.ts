import { z } from 'zod';

/** Milliseconds, the largest first. */
const units = { d: 86_400_000, h: 3_600_000, min: 60_000, s: 1000 };

/** A duration with its unit, such as 8h, 90min or 1.5d. */
export const duration = z
  .string()
  .regex(/^\d{1,6}(\.\d{1,6})? ?(s|min|h|d)$/, 'must be a number with its unit s, min, h or d, such as 8h')
  .refine((text) => toMs(text) > 0, 'must be longer than nothing');

export function toMs(text: string): number {
  const unit = text.replace(/[\d. ]/g, '') as keyof typeof units;
  return Number.parseFloat(text) * units[unit];
}

/** In the largest unit of which it is a whole number. */
export function toDuration(ms: number): string {
  const [unit, unitMs] = Object.entries(units).find(([, long]) => ms % long === 0) ?? ['s', units.s];
  return `${ms / unitMs}${unit}`;
}

/** A share as 0.1 or as 10%. */
export const share = z
  .union([z.number(), z.string().regex(/^\d{1,3}(\.\d{1,6})? ?%$/, 'must be a share, such as 0.1 or 10%')])
  .refine((value) => toShare(value) >= 0 && toShare(value) < 1, 'must be at least 0 and below 1');

export function toShare(value: number | string): number {
  return typeof value === 'number' ? value : Number.parseFloat(value) / 100;
}
