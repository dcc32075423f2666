import { writeCalibration } from '../../agent/calibrate/cache.ts';
import type { Calibration } from '../../agent/calibrate/calibration.ts';
import { obtainCalibration } from '../../agent/calibrate/obtain-calibration.ts';
import type { Profile } from '../../agent/profile/schema.ts';
import { readIdentity } from '../../agent/sense/identity.ts';
import type { Bundle } from '../../bundle/read-bundle.ts';
import { openEngine } from '../../engine/open-engine.ts';

export type CalibrateOptions = {
  bundle: Bundle;
  /** As the agents will have it, its calibration's batch included. */
  profile: Profile;
  /** Folder of calibrations, where those agents find it. */
  cacheDir: string;
  signal: AbortSignal;
};

/**
 * Measures the levels once for all agents of an experiment. An agent does not keep what it measured beside others' work, and so would
 * measure anew, and otherwise, at each start: here it is kept, and the doubt is told.
 */
export async function calibrateBundle(
  options: CalibrateOptions,
): Promise<{ calibration: Calibration; warning: string | undefined }> {
  const { bundle, profile, cacheDir, signal } = options;
  const { name: engineName, threads, providers } = profile.engine;
  const engine = await openEngine(bundle, { engine: engineName, threads, providers: [...providers] });
  try {
    const { calibration, warning } = await obtainCalibration({
      engine,
      identity: await readIdentity({ root: '/' }),
      profile,
      cacheDir,
      force: false,
      root: '/',
      nowMs: Date.now,
      monotonicMs: () => performance.now(),
      signal,
    });
    if (warning !== undefined) await writeCalibration(cacheDir, calibration);
    return { calibration, warning: warning?.replace(/; not kept.*$/, '') };
  } finally {
    await engine.close();
  }
}
