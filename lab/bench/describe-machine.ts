import { cpus } from 'node:os';

/** What a benchmark's figures were measured on. */
export function describeMachine(): string {
  return `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.versions.node}`;
}
