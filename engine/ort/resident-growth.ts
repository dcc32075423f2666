/** Resident memory of this process, in bytes; NaN where the system does not tell: without /proc, or in QEMU's user mode, which says 0. */
export function residentBytes(): number {
  try {
    return process.memoryUsage.rss() || Number.NaN;
  } catch {
    return Number.NaN;
  }
}

/**
 * Does something and tells by how many bytes the process's resident memory has grown meanwhile; 0 where it has shrunk, NaN where it is not
 * known. What other threads allocate counts too; memory that the process had freed before and now uses again does not.
 */
export async function residentGrowth<T>(
  act: () => Promise<T>,
  readBytes: () => number = residentBytes,
): Promise<{ result: T; bytes: number }> {
  const before = readBytes();
  const result = await act();
  return { result, bytes: Math.max(0, readBytes() - before) };
}
