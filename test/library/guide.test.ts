import { execFile, execFileSync } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { writeBundle } from '../../bundle/write-bundle.ts';
import * as library from '../../index.ts';
import { projectRoot } from '../project-root.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { tinyBundle } from '../tiny-bundle.ts';

const guide = await readFile(join(projectRoot, 'docs/library.md'), 'utf8');
const examples = [...guide.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1]!);

/** A folder of a user's own, with ebb installed and a bundle that is trained. */
async function userFolder() {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'node_modules'));
  await symlink(projectRoot, join(folder, 'node_modules/ebb'));
  await writeBundle(join(folder, 'runs/shapes/bundle'), tinyBundle());
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  for (const [index, text] of examples.entries()) await writeFile(join(folder, `example-${index}.ts`), text);
  return folder;
}

it('every example of docs/library.md runs as it stands, and says what it should', async () => {
  const folder = await userFolder();
  const printed = await Promise.all(
    examples.map(async (text, index) => {
      // A quick calibration; the examples have no types of TypeScript's own.
      const quick = text.replace("'x86'", JSON.stringify(join(projectRoot, 'test/fixtures/quick.yaml')));
      await writeFile(join(folder, `example-${index}.js`), quick);
      const env = { ...process.env, XDG_CACHE_HOME: join(folder, `cache-${index}`) };
      const { stdout } = await promisify(execFile)(process.execPath, [`example-${index}.js`], {
        cwd: folder,
        env,
        timeout: 30_000,
      });
      return stdout;
    }),
  );
  expect(printed).toEqual([
    expect.stringMatching(/^level [012]: 3 scores\n$/),
    expect.stringMatching(/^EBB_UNKNOWN_LEVEL: .*must be 0 to 2: current value is 99\n$/),
    expect.stringMatching(/^(level \d -> \d: .*\n)*\d deadline .+\n$/),
    '3 scores for each input\n',
    '',
  ]);
}, 40_000);

it('every example compiles in a strict project, against the types that ship', async () => {
  const folder = await userFolder();
  const options = {
    module: 'nodenext',
    target: 'es2022',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
    skipLibCheck: true,
    types: ['node'],
    typeRoots: [join(projectRoot, 'node_modules/@types')],
  };
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: options, include: ['*.ts'] }),
  );
  const tsc = join(projectRoot, 'node_modules/typescript/bin/tsc');
  const run = () => execFileSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8', stdio: 'pipe' });
  try {
    expect(run()).toBe('');
  } catch (error) {
    expect.unreachable((error as { stdout?: string }).stdout ?? String(error));
  }
}, 40_000);

it('the table of error codes is the one that is exported', () => {
  const rows = [...guide.matchAll(/^\| `(EBB_\w+)` \| (.*) \|$/gm)].map((match) => [match[1], match[2]]);
  expect(rows).toEqual(Object.entries(library.errorCodes));
});

it('the library exports these values, and no test seams', () => {
  expect(Object.keys(library).sort()).toEqual([
    'ArgumentError',
    'BundleError',
    'EbbError',
    'EngineEndedError',
    'RequestError',
    'createAgent',
    'errorCodes',
    'loadProfile',
    'openEngine',
    'readBundle',
    'silenceTelemetry',
    'writeBundle',
  ]);
});
