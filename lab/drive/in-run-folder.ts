import { makeFolder } from '../../bundle/make-folder.ts';
import { requireEmptyFolder } from '../../terminal/output-path.ts';

/** Makes a run folder for `use`; it must be absent or empty, as what lies there is another run's. Where that fails, folders that were made and are still empty go again: there is nothing to keep. */
export async function inRunFolder<Result>(dir: string, use: () => Promise<Result>): Promise<Result> {
  await requireEmptyFolder('--out', dir);
  const leaveFolder = await makeFolder(dir);
  try {
    return await use();
  } catch (error) {
    await leaveFolder();
    throw error;
  }
}
