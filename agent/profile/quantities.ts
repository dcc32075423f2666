import { z } from 'zod';

const unitMs: Record<string, number> = { s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** A duration with its unit, such as 8h, 90min or 1.5d; parsed into milliseconds. */
export const durationMs = z
  .string()
  .regex(/^\d{1,6}(\.\d{1,6})? ?(s|min|h|d)$/, 'must be a number with its unit s, min, h or d, such as 8h')
  .transform((text) => Number.parseFloat(text) * (unitMs[text.replace(/[\d. ]/g, '')] ?? 0))
  .refine((ms) => ms > 0, 'must be longer than nothing');

/** A share as 0.1 or as 10%. */
export const share = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\d{1,3}(\.\d{1,6})? ?%$/, 'must be a share, such as 0.1 or 10%')
      .transform((text) => Number.parseFloat(text) / 100),
  ])
  .refine((value) => value >= 0 && value < 1, 'must be at least 0 and below 1');
