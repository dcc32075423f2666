import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

/**
 * Reads a file, and inflates it where its name ends in `.gz`.
 *
 * @param maxBytes length that the file may have, packed as well as unpacked: no small file fills the memory.
 * @throws Error where the file cannot be read, is longer, or is no whole gzip file.
 */
export async function readPacked(path: string, maxBytes: number): Promise<Uint8Array> {
  const bytes = await readWhole(path, maxBytes);
  if (!path.endsWith('.gz')) return bytes;
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE') throw tooLong(path, maxBytes, 'more once unpacked');
    throw new Error(
      `Cannot read data file "${path}" as it must be a whole gzip file: current error is ${message}; download it again`,
      { cause },
    );
  }
}

async function readWhole(path: string, maxBytes: number): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > maxBytes) throw tooLong(path, maxBytes, `${size} bytes`);
    return await readFile(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === undefined) throw cause;
    throw new Error(
      `Cannot read data file "${path}" as it must be a readable file: current error is ${code}; correct the path or its permissions`,
      { cause },
    );
  }
}

function tooLong(path: string, maxBytes: number, current: string): Error {
  return new Error(
    `Cannot read data file "${path}" as it must hold ${maxBytes} bytes at most: current value is ${current}; download it again, or cut it into several files`,
  );
}
