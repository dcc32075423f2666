import type { Metric } from '../run/metric.ts';
import { createWindows } from './windows.ts';

/** A value at a time of training, counted in epochs. */
export type CurvePoint = { epoch: number; value: number };

/** What is drawn of a run's metrics: by level, at most so many points as can be seen. */
export type RunCurves = {
  /** Of the training batches, smoothed. */
  loss: CurvePoint[][];
  /** Share of right answers on held-out samples, after each epoch. */
  validation: CurvePoint[][];
  /** Share of the tensors compared with the level before whose gradients were in conflict, smoothed; no points for a level that begins groups. */
  conflicts: CurvePoint[][];
};

/** Windows on either side of a point that its mean goes over. */
const lossReach = 4;
const conflictReach = 8;
const mostEpochs = 240;

/** Takes metrics one by one and keeps a bounded number of sums, however long the run was. */
export function createRunCurves(run: { iterations: number; epochs: number; levels: number }): {
  /** @param compared tensors that the step compared with the step before. */
  add(metric: Metric, compared: number): void;
  curves(): RunCurves;
} {
  const { iterations, epochs, levels } = run;
  const windows = () => Array.from({ length: levels }, createWindows);
  const loss = windows();
  const conflicts = windows();
  let validation: { epoch: number; values: number[] }[] = [];
  let seen = 0;
  let stride = 1;
  let last: (typeof validation)[number] | undefined;
  const inEpochs = (points: { position: number; value: number }[]) =>
    points.map(({ position, value }) => ({ epoch: position * epochs, value }));
  return {
    add(metric, compared) {
      if (metric.kind === 'epoch') {
        const values: number[] = [];
        for (const { level, accuracy } of metric.validation) values[level] = accuracy;
        last = { epoch: (metric.iteration / iterations) * epochs, values };
        seen += 1;
        if (seen % stride === 0) validation.push(last);
        if (validation.length <= mostEpochs) return;
        validation = validation.filter((_, i) => i % 2 === 1);
        stride *= 2;
        return;
      }
      const position = metric.iteration / iterations;
      for (const measured of metric.levels)
        if (Number.isFinite(measured.loss)) loss[measured.level]?.add(position, measured.loss, 1);
      const [{ level }] = metric.levels;
      if (compared > 0) conflicts[level]?.add(position, metric.conflicts, compared);
    },
    curves() {
      const kept = last && validation.at(-1) !== last ? [...validation, last] : validation;
      return {
        loss: loss.map((own) => inEpochs(own.points(lossReach))),
        conflicts: conflicts.map((own) => inEpochs(own.points(conflictReach))),
        validation: loss.map((_, level) =>
          kept
            .filter(({ values }) => values[level] !== undefined)
            .map(({ epoch, values }) => ({ epoch, value: values[level] })),
        ),
      };
    },
  };
}
