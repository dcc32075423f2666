import { existsSync } from 'node:fs';

export type ReadNamesOptions = {
  /** A name ends with NUL, as `find -print0` writes it, and may hold newlines. Default: it ends with its line. */
  nul?: boolean;
  /** Told which file was taken if a line can name two. */
  onNote?: (line: string) => void;
  exists?: (path: string) => boolean;
};

/**
 * Names of files from a stream, a line each; blank lines are left out. Only the line's end ends a name, so that it may begin or end with a
 * space. If there is no file of the whole line but one of the line without the CR or the spaces around it, that one is meant.
 * Ends with the stream, or when `signal` is aborted.
 */
export async function* readNames(
  stream: NodeJS.ReadableStream,
  signal: AbortSignal,
  { nul = false, onNote = () => {}, exists = existsSync }: ReadNamesOptions = {},
): AsyncGenerator<string> {
  for await (const line of pieces(stream, signal, nul ? '\0' : '\n')) {
    if (nul) {
      if (line !== '') yield line;
    } else if (line.trim() !== '') yield chooseName(line, exists, onNote);
  }
}

/** The first reading of a line of which there is a file; the line without its CR if there is none. */
function chooseName(line: string, exists: (path: string) => boolean, onNote: (line: string) => void): string {
  const plain = line.replace(/\r$/, '');
  const readings = [...new Set([plain, line, plain.trim()])];
  const [only] = readings;
  if (readings.length === 1) return only;
  const found = readings.filter(exists);
  const taken = found[0] ?? only;
  const quoted = (name: string) => JSON.stringify(name);
  if (found.length > 1)
    onNote(`${quoted(taken)} is taken, though ${found.slice(1).map(quoted).join(' and ')} is there too`);
  else if (found.length === 1 && taken !== only)
    onNote(`${quoted(taken)} is taken, as there is no ${quoted(only)}`);
  return taken;
}

/** Text between separators. A last piece needs none after it. */
async function* pieces(
  stream: NodeJS.ReadableStream,
  signal: AbortSignal,
  separator: string,
): AsyncGenerator<string> {
  const stop = () => {
    if ('destroy' in stream && typeof stream.destroy === 'function') stream.destroy();
  };
  if (signal.aborted) return;
  signal.addEventListener('abort', stop, { once: true });
  const decoder = new TextDecoder(); // it leaves a byte order mark out
  let rest = '';
  try {
    for await (const chunk of stream) {
      rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
      const whole = rest.split(separator);
      rest = whole.pop() ?? '';
      for (const piece of whole) {
        if (signal.aborted) return;
        yield piece;
      }
    }
    if (!signal.aborted && rest !== '') yield rest;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
