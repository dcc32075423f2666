import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { writeBundle } from '../../bundle/write-bundle.ts';
import { projectRoot } from '../project-root.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { tinyBundle } from '../tiny-bundle.ts';

it('importing and using the library changes no environment, flag, listener or setting of the process, and lets it end', async () => {
  const folder = await temporaryFolder();
  const dir = join(folder, 'bundle');
  await writeBundle(dir, tinyBundle());
  const library = JSON.stringify(new URL('../../index.js', import.meta.url).href);
  // In a process of its own, as the flags of V8 and the environment are the whole process's.
  const script = `(async () => {
    const { runInNewContext } = require('node:vm');
    const look = () => ({
      env: { ...process.env },
      listeners: process.eventNames().map((name) => [String(name), process.listenerCount(name)]),
      gc: runInNewContext('typeof gc'),
      stackTraceLimit: Error.stackTraceLimit,
      umask: process.umask(),
      cwd: process.cwd(),
      title: process.title,
      execArgv: process.execArgv,
    });
    const { setFlagsFromString } = require('node:v8');
    const flags = [];
    require('node:v8').setFlagsFromString = (flag) => { flags.push(flag); setFlagsFromString(flag); };
    require('node:module').syncBuiltinESMExports();
    const before = look();
    const { createAgent, loadProfile, openEngine, readBundle } = await import(${library});
    const imported = look();
    const bundle = await readBundle(${JSON.stringify(dir)});
    const engine = await openEngine(bundle);
    await engine.run(new Float32Array(64), 1);
    await engine.tune();
    const duringEngine = look();
    await engine.close();
    const profile = await loadProfile(${JSON.stringify(join(projectRoot, 'test/fixtures/quick.yaml'))});
    const cacheDir = ${JSON.stringify(join(folder, 'cache'))};
    const agent = createAgent({ bundle, profile: { ...profile, http: { ...profile.http, port: 0 } }, cacheDir });
    await agent.start();
    await agent.infer(new Float32Array(64));
    await agent.infer(new Float32Array(1)).catch(() => {});
    await agent.stop();
    console.log(JSON.stringify({ before, imported, duringEngine, after: look(), flags }));
  })()`;
  const { ORT_DISABLE_TELEMETRY: _, ...env } = process.env;
  const text = execFileSync(process.execPath, ['-e', script], {
    encoding: 'utf8',
    env: { ...env, HOME: folder, XDG_CACHE_HOME: join(folder, 'home') },
    timeout: 30_000,
  });
  const { before, imported, duringEngine, after, flags } = JSON.parse(text);
  expect(imported).toEqual(before);
  expect(duringEngine).toEqual(before);
  expect(after).toEqual(before);
  expect(flags).toEqual([]);
}, 40_000);
