import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

const limitBytes = 256 * 1024;
// Control characters but for tab, line feed and carriage return: YAML (1.2.2, 5.1) has none of them either.
const isBinary = (text: string) => /[^\P{Cc}\t\n\r]/u.test(text);

/**
 * Reads a text file in UTF-8 of at most 256 KiB.
 * @throws Error where it is none: a folder, a device, too large, binary.
 */
export async function readText(path: string): Promise<string> {
  // Not blocking: a FIFO would have us wait for its writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const info = await file.stat();
    if (!info.isFile()) throw new Error('it is not a file');
    const buffer = Buffer.alloc(limitBytes + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    if (length > limitBytes) throw new Error(`it holds more than ${limitBytes} bytes`);
    const text = decode(buffer.subarray(0, length));
    if (text === undefined || isBinary(text)) throw new Error('it must be text in UTF-8, and is binary');
    return text;
  } finally {
    await file.close();
  }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
