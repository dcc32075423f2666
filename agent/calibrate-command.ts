import { Command } from 'commander';
import type { EngineName } from '../engine/engine.ts';
import { openEngine } from '../engine/open-engine.ts';
import { interruptSignal } from '../terminal/interrupt.ts';
import { wholeNumber } from '../terminal/number-option.ts';
import { createProgress } from '../terminal/progress.ts';
import { snakeJson } from '../terminal/snake-json.ts';
import { formatTable } from '../terminal/table.ts';
import { defaultCacheDir } from './calibrate/cache.ts';
import { describeMemory, megabytes } from './calibrate/describe-memory.ts';
import { obtainCalibration } from './calibrate/obtain-calibration.ts';
import { engineOption } from './engine-option.ts';
import { loadProfile } from './profile/load-profile.ts';
import { readProfileBundle } from './profile/profile-bundle.ts';
import { applyFlags } from './profile-options.ts';
import { readIdentity } from './sense/identity.ts';
import { createSensorRunner } from './sense/runner.ts';
import { createSensors } from './sense/sensors.ts';

type CalibrateFlags = {
  profile: string;
  batch?: number;
  engine?: EngineName | 'auto';
  cache?: string;
  force?: boolean;
  json?: boolean;
};

const examples = `
Examples:
  ebb calibrate runs/shapes/bundle --profile x86
  ebb calibrate runs/shapes/bundle --profile x86 --batch 8 --force --json`;

async function calibrate(bundleDir: string, flags: CalibrateFlags): Promise<void> {
  const profile = applyFlags(await loadProfile(flags.profile), {
    ...(flags.batch === undefined ? {} : { batch: flags.batch }),
    ...(flags.engine === undefined ? {} : { engine: flags.engine }),
  });
  const bundle = await readProfileBundle(profile, bundleDir);
  const signal = interruptSignal();
  const identity = await readIdentity({ root: '/' });
  const progress = createProgress();
  const clocks = { nowMs: Date.now, monotonicMs: () => performance.now() };
  const { sensors: names, readings } = profile;
  const runner = createSensorRunner({
    ...clocks,
    sensors: createSensors({ names, readings, root: '/', ...clocks }),
  });
  const engine = await openEngine(bundle, {
    engine: profile.engine.name,
    threads: profile.engine.threads,
    providers: [...profile.engine.providers],
  });
  try {
    const { calibration, source, warning } = await obtainCalibration({
      engine,
      identity,
      profile,
      cacheDir: flags.cache ?? defaultCacheDir(),
      force: flags.force ?? false,
      root: '/',
      ...clocks,
      runner,
      signal,
      onRun: ({ runs, elapsedMs }) =>
        progress.update(
          `measuring: ${runs} rounds of ${bundle.manifest.levels.length} levels in ${(elapsedMs / 1000).toFixed(1)} s`,
        ),
    });
    progress.done(warning === undefined ? undefined : `warning: ${warning}`);
    for (const { engine: name, provider, reason } of engine.skipped)
      process.stderr.write(`ebb calibrate: engine "${name}" (${provider}): ${reason}\n`);
    const [first] = calibration.levels;
    const [firstLevel] = bundle.manifest.levels;
    const levels = calibration.levels.map((measured, index) => {
      const level = bundle.manifest.levels[index];
      return {
        ...measured,
        sparsity: level.sparsity,
        macs: level.macs,
        relativeLatency: measured.p50Ms / first.p50Ms,
        relativeMacs: firstLevel.macs > 0 ? level.macs / firstLevel.macs : 1,
        accuracy: level.accuracy?.value ?? null,
      };
    });
    const { memory } = calibration;
    const processBytes = process.memoryUsage.rss();
    if (flags.json) {
      const { batch, measuredAt } = calibration;
      const { threads } = profile.engine;
      process.stdout.write(
        `${snakeJson({ bundle: bundle.manifest.name, source, batch, threads, measuredAt, warning: warning ?? null, levels, memory: memory ?? null, processBytes })}\n`,
      );
      return;
    }
    const right = (head: string) => ({ head, align: 'right' as const });
    const opened = engine.engines.map(({ name }) => name);
    const counts = [
      ...new Set(levels.flatMap(({ byThreads }) => byThreads?.map(({ threads }) => threads) ?? [])),
    ];
    const isPowerKnown = levels.every(({ energyMj }) => energyMj !== undefined);
    const apart = memory?.filter(({ levelBytes }) => levelBytes !== undefined) ?? [];
    const heads = [
      'level',
      'sparsity',
      'MACs',
      ...opened.map((name) => `${name} p50 ms`),
      'engine',
      'p95 ms',
      ...counts.map((count) => `${count} threads`),
      ...(isPowerKnown ? ['mJ'] : []),
      ...apart.map(({ engine: name }) => `${name} MB`),
      'latency',
      'of MACs',
      'accuracy',
      'runs',
    ];
    const rows = levels.map((level) => [
      String(level.level),
      level.sparsity.toFixed(3),
      level.macs.toLocaleString('en-US'),
      ...opened.map(
        (name) => level.engines.find((measured) => measured.engine === name)?.p50Ms.toFixed(3) ?? '-',
      ),
      level.engine,
      level.p95Ms.toFixed(3),
      ...counts.map(
        (count) => level.byThreads?.find(({ threads }) => threads === count)?.p50Ms.toFixed(3) ?? '-',
      ),
      ...(isPowerKnown ? [(level.energyMj ?? 0).toFixed(3)] : []),
      ...apart.map(({ levelBytes }) => megabytes(levelBytes?.[level.level] ?? 0)),
      `${level.relativeLatency.toFixed(2)}x`,
      `${level.relativeMacs.toFixed(2)}x`,
      level.accuracy === null ? '-' : level.accuracy.toFixed(4),
      String(level.runs),
    ]);
    const held =
      memory === undefined ? 'not measured; --force measures it' : describeMemory(memory) || 'not known here';
    const inputs = calibration.batch === 1 ? '1 input' : `${calibration.batch} inputs`;
    process.stdout.write(
      `${formatTable(heads.map(right), rows)}\n\n${inputs} a run, ${profile.engine.threads} thread(s), ${source === 'cache' ? `from the cache of ${calibration.measuredAt}; --force measures again` : 'measured now'}\nmemory of all levels: ${held}; this process takes ${megabytes(processBytes)} MB in all\n`,
    );
  } catch (error) {
    progress.done();
    throw error;
  } finally {
    await runner.stop();
    await engine.close();
  }
}

export function command(): Command {
  return new Command('calibrate')
    .argument('<bundle>', 'folder that "ebb train" wrote')
    .requiredOption('--profile <name>', 'device profile: a name (x86, raspberry-pi-5, ...) or a YAML file')
    .addOption(engineOption())
    .option('--batch <n>', 'inputs in one run', wholeNumber(1))
    .option('--force', 'measure although a calibration is cached')
    .option('--cache <dir>', 'where calibrations are kept; default: $XDG_CACHE_HOME/ebb or ~/.cache/ebb')
    .option('--json', 'print the result as one JSON object')
    .addHelpText('after', examples)
    .action(calibrate);
}
