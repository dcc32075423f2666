import { resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Finding } from '../../terminal/finding.ts';
import { ebbVersion } from '../package-version.ts';
import { type Identity, readIdentity, readLinuxIdentity } from '../sense/identity.ts';
import { createSensorRunner, type SensorReport } from '../sense/runner.ts';
import { createSensors, type OwnUse, sensorNames } from '../sense/sensors.ts';
import { readTegraChip } from '../sense/tegra.ts';
import { examineEngines, type Gpus } from './examine-engines.ts';
import { judgeThreads } from './judge-threads.ts';
import { readCores } from './read-cores.ts';
import { type Platform, readPlatform } from './read-platform.ts';

export type Examination = {
  ebb: string;
  node: string;
  /** What a recorded tree does not tell is absent. */
  identity: Partial<Identity>;
  /** Whether the machine is a recorded one: `ebb`, `node`, engines and trainers are still those of this machine. */
  isRecorded: boolean;
  platform: Platform;
  sensors: SensorReport[];
  engines: Finding[];
  /** How many threads of an inference run at once there; undefined if nothing tells how many CPUs there are. */
  threads: number | undefined;
  /** What holds inference threads back. */
  throttling: Finding[];
  trainers: Finding[];
};

export type ExamineOptions = {
  root: string;
  examineTrainers: () => Finding[] | Promise<Finding[]>;
  /** What a recorded tree cannot tell. Default: of this machine. */
  here?: {
    ebb: string;
    node: string;
    platform: NodeJS.Platform;
    engines: (gpus: Gpus) => Promise<Finding[]>;
    own?: OwnUse;
  };
  nowMs?: () => number;
  monotonicMs?: () => number;
  sleep?: (ms: number) => Promise<unknown>;
};

/** Shares of time need two reads. */
const betweenReadsMs = 250;
/** A program that goes on printing tells its first after a second or two. */
const patienceMs = 4000;

const isRecordedTree = (root: string) => resolve(root) !== '/';

async function readSensors(options: ExamineOptions): Promise<SensorReport[]> {
  const { root, here, nowMs = Date.now, monotonicMs = () => performance.now(), sleep = wait } = options;
  const sensors = createSensors({
    root,
    names: sensorNames,
    nowMs,
    monotonicMs,
    // What this process and this machine use is not the recorded one's.
    ...(isRecordedTree(root) ? { platform: 'linux', own: null } : {}),
    ...(here === undefined ? {} : { platform: here.platform, ...(here.own ? { own: here.own } : {}) }),
  });
  const runner = createSensorRunner({ sensors, monotonicMs });
  try {
    const untilMs = monotonicMs() + patienceMs;
    let reports = await runner.read();
    do {
      await sleep(betweenReadsMs);
      reports = await runner.read();
    } while (reports.some(({ soon }) => soon) && monotonicMs() < untilMs);
    return reports;
  } finally {
    await runner.stop();
  }
}

/** Looks at all that ebb could use on this machine; changes nothing and never throws for what is absent. */
export async function examine(options: ExamineOptions): Promise<Examination> {
  const { root, examineTrainers } = options;
  const here = options.here ?? {
    ebb: ebbVersion(),
    node: process.version,
    platform: process.platform,
    engines: examineEngines,
  };
  const isRecorded = isRecordedTree(root);
  const [identity, platform, cores, sensors] = await Promise.all([
    isRecorded ? readLinuxIdentity(root) : readIdentity({ root, platform: here.platform }),
    readPlatform(root),
    readCores(root),
    readSensors(options),
  ]);
  const readings = sensors.flatMap((report) => report.readings);
  const isJetson = (await readTegraChip(root)) !== undefined;
  const hasGroups = platform.container !== undefined;
  const coreCount = identity.cores;
  const { threads, findings } = judgeThreads({ cores, coreCount, isJetson, readings, isRecorded, hasGroups });
  const gpus = {
    isJetson,
    hasNvidia: readings.some(({ labels }) => labels?.gpu !== undefined),
  };
  return {
    ebb: here.ebb,
    node: here.node,
    identity,
    isRecorded,
    platform,
    sensors,
    engines: await here.engines(gpus),
    threads,
    throttling: findings,
    trainers: await examineTrainers(),
  };
}
