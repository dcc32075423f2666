import { on } from 'node:events';
import { stat } from 'node:fs/promises';
import { watch } from 'chokidar';

/** A file is whole when it has not grown for so long: cameras write in pieces. */
const quietMs = 200;

/**
 * Names of the JPEG and PNG files that come into a folder, or change in it, once they are whole; not those that are there already.
 * Ends when `signal` is aborted.
 * @throws Error where there is no such folder.
 */
export async function* watchFolder(dir: string, signal: AbortSignal): AsyncGenerator<string> {
  const isFolder = await stat(dir).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder)
    throw new Error(`Cannot watch "${dir}" as it must be a folder: there is none; make it first`);
  const watcher = watch(dir, {
    ignoreInitial: true,
    awaitWriteFinish: { stabilityThreshold: quietMs, pollInterval: 50 },
    // Hidden ones are other programs' temporary files.
    ignored: (path, found) =>
      found?.isFile() === true && !/(^|[/\\])[^./\\][^/\\]*\.(jpe?g|png)$/i.test(path),
  });
  try {
    for await (const [event, path] of on(watcher, 'all', { signal }))
      if (event === 'add' || event === 'change') yield path as string;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await watcher.close();
  }
}
