/** One sensor's value. `name` is snake_case; `unit` is a base unit: `ratio`, `bytes`, `celsius`, `watts`. */
export type Reading = {
  name: string;
  value: number;
  unit: string;
  atMs: number;
  /** Tells apart readings of one name, such as the zones of `temperature`. */
  labels?: Record<string, string>;
  /** What the number means just now, for people; it is not sent. */
  note?: string;
};

/** Absence is no failure: why there is nothing to read, and what would change that. */
export type NoData = {
  noData: string;
  cure?: string;
  /** It will have data shortly, as it has been asked for the first time, or a program has yet to tell. */
  soon?: true;
};

export type Sensor = {
  readonly name: string;
  read(): Promise<Reading[] | NoData>;
  /** Ends what it has started; absent where it starts nothing. It may be called more than once. */
  stop?(): Promise<void>;
};

export type SensorOptions = {
  /** The folder that holds `proc/` and `sys/`: `/` on a device, a recorded tree in a test. */
  root: string;
  nowMs: () => number;
};

export function isNoData(result: Reading[] | NoData): result is NoData {
  return !Array.isArray(result);
}
