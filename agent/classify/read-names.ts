import { createInterface } from 'node:readline';

/** Lines of a stream that are not empty. Ends with the stream, or when `signal` is aborted. */
export async function* readNames(stream: NodeJS.ReadableStream, signal: AbortSignal): AsyncGenerator<string> {
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  const stop = () => lines.close();
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const line of lines) if (line.trim() !== '') yield line.trim();
  } finally {
    signal.removeEventListener('abort', stop);
    lines.close();
  }
}
