import { makeFolder } from '../../bundle/make-folder.ts';

/** Makes a run folder for `use`. Where that fails, folders that were made and are still empty go again: there is nothing to keep. */
export async function inRunFolder<Result>(dir: string, use: () => Promise<Result>): Promise<Result> {
  const leaveFolder = await makeFolder(dir);
  try {
    return await use();
  } catch (error) {
    await leaveFolder();
    throw error;
  }
}
