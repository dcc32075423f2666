import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeMissingPackage, optionalPackagesCure } from '../../terminal/missing-package.ts';
import { projectRoot } from '../project-root.ts';

const manifest = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));
const optional = Object.keys(manifest.optionalDependencies);
const declared = [...Object.keys(manifest.dependencies), ...optional];

const statement = /^(?:import|export)\s+(?!type\b)(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm;
const packageOf = (specifier: string) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');

/** Every package that `entry` imports statically, with the files on the way to the first import of each. */
function importedPackages(entry: string): Map<string, string[]> {
  const files = new Map([[entry, [entry]]]);
  const packages = new Map<string, string[]>();
  for (const [file, path] of files) {
    const text = readFileSync(join(projectRoot, file), 'utf8');
    for (const [, specifier = ''] of text.matchAll(statement)) {
      const next = join(dirname(file), specifier);
      if (!specifier.startsWith('.')) packages.set(packageOf(specifier), path);
      else if (!files.has(next)) files.set(next, [...path, next]);
    }
  }
  return packages;
}

describe('with --omit=optional', () => {
  const entries = [
    ...[
      'index.ts',
      'cli.ts',
      'setup/setup-command.ts',
      'bundle/inspect-command.ts',
      'agent/doctor-command.ts',
    ],
    ...['trainer/backend/examine-backends.ts', 'agent/calibrate-command.ts', 'agent/run-command.ts'],
    ...['fleet/fleet-command.ts', 'trainer/eval-command.ts', 'trainer/bundle-command.ts'],
    // These only parse flags: what needs the packages is imported as they act.
    ...['trainer/train-command.ts', 'lab/lab-command.ts', 'lab/demo/demo-command.ts'],
    // Started as threads.
    ...['engine/thread/inference-thread.ts', 'engine/sparse/runtime/helper-threads.ts'],
  ];
  for (const entry of entries)
    it(`${entry} imports no optional package as it loads, and none that is not declared`, () => {
      const packages = importedPackages(entry);
      expect([...packages].filter(([name]) => optional.includes(name))).toEqual([]);
      const own = [...packages.keys()].filter((name) => !name.startsWith('node:'));
      expect(own.filter((name) => !declared.includes(name))).toEqual([]);
    });

  it('finds the optional packages of the training itself, so that the walk is known to work', () => {
    const packages = [...importedPackages('trainer/run/run-training.ts').keys()];
    expect(packages).toEqual(expect.arrayContaining(['@observablehq/plot', 'linkedom']));
  });

  it('names what is missing and the command that installs it, in one line', () => {
    const error = Object.assign(new Error("Cannot find package 'linkedom' imported from /x.js"), {
      code: 'ERR_MODULE_NOT_FOUND',
    });
    // It is installed here: another reason, which is not hidden.
    expect(describeMissingPackage('train', error)).toBeUndefined();
    expect(optionalPackagesCure(['a@^1', 'b@^2'])).toBe('npm i --include=optional a@^1 b@^2');
  });
});
