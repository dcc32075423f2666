import { on } from 'node:events';
import { stat } from 'node:fs/promises';
import { watch } from 'chokidar';
import type { Logger } from '../../wire/link/logger.ts';

/** A file is whole when it has not grown for so long: cameras write in pieces. */
const quietMs = 200;

/** By its name: a JPEG or PNG that is not hidden. */
const isImage = (path: string) => /(^|[/\\])[^./\\][^/\\]*\.(jpe?g|png)$/i.test(path);

/**
 * Names of the JPEG and PNG files that come into a folder, or change in it, once they are whole; not those that are there already.
 * Ends when `signal` is aborted.
 * @throws Error where there is no such folder.
 */
export async function* watchFolder(
  dir: string,
  { signal, log }: { signal: AbortSignal; log: Logger },
): AsyncGenerator<string> {
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
    ignored: (path, stats) => stats?.isFile() === true && !isImage(path),
  });
  let found = 0;
  watcher.on('ready', () => {
    for (const names of Object.values(watcher.getWatched()))
      found += names.filter((name) => isImage(name)).length;
    log.info(
      { folder: dir, already: found },
      `watching "${dir}" and its folders for new JPEG and PNG files (not hidden ones); ${found} that are there already are left alone`,
    );
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
