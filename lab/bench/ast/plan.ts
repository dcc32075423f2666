import { completeSettings, type NewSettings, type Settings } from '../../../trainer/settings.ts';

/** What every method of a comparison shares. */
export type Setup = {
  data: string;
  net: string;
  width: number;
  /** Sparsities, densest first. */
  levels: string[];
  epochs: number;
  batch: number;
  /** Share of the training samples that choices are made on. */
  validation: number;
  backend: Settings['backend'];
  /** Peaks of the learning rate that are tried. */
  rates: number[];
};

/** One way to get sub-nets of all levels: one training, or one for each level. */
export type Method = {
  name: string;
  trainings: NewSettings[];
  rates: number[];
  /** Trained with the first seed alone: its cost is several times the others'. */
  oneSeed: boolean;
};

/** AST with and without correction; one training a level, and joint training, each at N times the cost and at AST's. */
export function methodsOf(setup: Setup): Method[] {
  const { levels, epochs, rates } = setup;
  const all = levels.join();
  const common = { data: setup.data, net: setup.net, width: setup.width, batch: setup.batch };
  const shared = { ...common, validation: setup.validation, backend: setup.backend, epochs };
  const ast = (correction: boolean): NewSettings => ({ ...shared, levels: all, method: 'ast', correction });
  const joint = (passes: number): NewSettings => ({
    ...shared,
    levels: all,
    method: 'joint',
    epochs: passes,
  });
  const single = (passes: number) =>
    levels.map((level): NewSettings => ({ ...shared, levels: level, method: 'single', epochs: passes }));
  // A level of AST sees 1/N of the steps: its best rate lies higher (the grid keeps its three points).
  const higher = rates.map((rate) => 2 * rate);
  return [
    { name: 'AST, correction', trainings: [ast(true)], rates: higher, oneSeed: false },
    { name: 'AST, no correction', trainings: [ast(false)], rates: higher, oneSeed: false },
    { name: `single, ${levels.length} x the cost`, trainings: single(epochs), rates, oneSeed: false },
    { name: `joint, ${levels.length} x the cost`, trainings: [joint(epochs)], rates, oneSeed: true },
    { name: "joint, AST's cost", trainings: [joint(epochs / levels.length)], rates, oneSeed: true },
    { name: "single, AST's cost", trainings: single(epochs / levels.length), rates, oneSeed: true },
  ];
}

/** One change each to AST as it is compared: what helps, and what does not. */
export function variationsOf(setup: Setup, base: NewSettings): { name: string; settings: NewSettings }[] {
  const { levels } = setup;
  const vary = (name: string, change: Partial<NewSettings>) => ({ name, settings: { ...base, ...change } });
  return [
    vary('as compared', {}),
    vary('begins with the sparsest', { order: 'sparsest-first' }),
    vary(`norms learn ${levels.length} times as fast`, { norm_rate: levels.length }),
    vary('masks updated 10 times', { updates: 10 }),
    vary('masks updated 160 times', { updates: 160 }),
    vary('ramp ends at 50%', { ramp_end: 0.5, frozen_from: 0.55 }),
    vary('ramp ends at 85%', { ramp_end: 0.85, frozen_from: 0.9 }),
    vary("levels' updates 6 steps apart", { update_offset: 6 }),
    vary('drop-and-grow from 50%', { drop_fraction: 0.5 }),
    vary('drop-and-grow from 10%', { drop_fraction: 0.1 }),
    vary('uniform', { distribution: 'uniform' }),
    vary('erk', { distribution: 'erk' }),
    vary(`with a dense level`, { levels: ['0', ...levels].join() }),
    vary('weight decay 0.0002', { weight_decay: 2e-4 }),
  ];
}

export function settingsFor(training: NewSettings, lr: number, seed: number): Settings {
  return completeSettings({ ...training, lr, seed });
}
