import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from './project-root.ts';

/** Which rooms a room may import: the table in docs/architecture.md. `terminal` is the face that every verb shares. */
const allowed: Record<string, string[]> = {
  errors: [],
  terminal: ['errors'],
  listen: ['errors'],
  bundle: ['errors', 'terminal'],
  wire: [],
  setup: ['terminal'],
  engine: ['errors', 'terminal', 'bundle'],
  trainer: ['errors', 'terminal', 'bundle', 'engine'],
  agent: ['errors', 'terminal', 'listen', 'bundle', 'engine', 'wire'],
  fleet: ['errors', 'terminal', 'listen', 'bundle', 'wire'],
  lab: ['errors', 'terminal', 'listen', 'bundle', 'wire', 'engine', 'trainer', 'agent', 'fleet'],
};

function importsOf(room: string): { file: string; target: string }[] {
  return readdirSync(join(projectRoot, room), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) => {
      const file = join(room, path);
      const text = readFileSync(join(projectRoot, file), 'utf8');
      const specifiers = [...text.matchAll(/(?:from|import|import\(|new URL\()\s*['"](\.[^'"]+)['"]/g)].map(
        (match) => match[1]!,
      );
      return specifiers.map((specifier) => ({ file, target: normalize(join(dirname(file), specifier)) }));
    });
}

describe('imports run downwards', () => {
  for (const [room, rooms] of Object.entries(allowed)) {
    it(`${room}/ imports only ${rooms.join(', ') || 'itself'}`, () => {
      const wrong = importsOf(room).filter(({ target }) => {
        const other = target.split('/')[0]!;
        return other in allowed && other !== room && !rooms.includes(other);
      });
      expect(wrong).toEqual([]);
    });
  }

  it('no room imports the tests, and the command line is only started by the lab', () => {
    const wrong = Object.keys(allowed)
      .flatMap(importsOf)
      .filter(({ target }) => /^(cli|test)\b/.test(target))
      .map(({ file }) => file);
    expect(wrong).toEqual(['lab/drive/ebb-process.ts']);
  });
});
