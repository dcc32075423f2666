import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeBundle } from '../../../bundle/write-bundle.ts';
import { ebb } from '../../cli/ebb.ts';
import { projectRoot } from '../../project-root.ts';
import { temporaryFolder } from '../../temporary-folder.ts';
import { tinyBundle } from '../../tiny-bundle.ts';

const profile = join(projectRoot, 'test/fixtures/quick.yaml');

async function tinyBundleFolder(): Promise<string> {
  const dir = join(await temporaryFolder(), 'bundle');
  await mkdir(dir, { recursive: true });
  await writeBundle(dir, tinyBundle());
  return dir;
}

describe('ebb lab bench', () => {
  it('overhead asks by every way, and every answer is its level’s own', async () => {
    const bundle = await tinyBundleFolder();
    const flags = ['--profile', profile, '--rounds', '2', '--requests', '3', '--json'];
    const { status, stdout, stderr } = await ebb(['lab', 'bench', 'overhead', bundle, ...flags]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ rounds: 2, requests: 3, different: 0 });
    expect(result.ways.map(({ way }: { way: string }) => way)).toEqual([
      'inference alone',
      'bare engine',
      'library call',
      'HTTP binary',
      'HTTP JSON',
    ]);
    expect(result.ways[1].over_ms).toBe(0);
  });

  it('soak counts answers and refusals of an agent that is asked for too much, and watches memory and event loop', async () => {
    const bundle = await tinyBundleFolder();
    const flags = ['--profile', profile, '--seconds', '1', '--warm-up', '0', '--http', '8', '--library', '8'];
    const { status, stdout, stderr } = await ebb(['lab', 'bench', 'soak', bundle, ...flags, '--json']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const { minutes, requests, loop, idle, longest_turns: turns, memory } = JSON.parse(stdout);
    expect(requests).toMatchObject({ errors: 0, different: 0 });
    expect(requests.answered).toBeGreaterThan(0);
    expect(minutes).toHaveLength(1);
    expect(minutes[0].seconds).toBe(1);
    expect(minutes[0].answered).toBeLessThanOrEqual(requests.answered);
    expect(minutes[0].rss_bytes).toBeGreaterThan(minutes[0].heap_bytes);
    // Too short to tell.
    expect(memory).toBeUndefined();
    for (const watched of [loop, idle])
      expect(watched.late_max_ms).toBeGreaterThanOrEqual(watched.blocked_max_ms);
    expect(turns.length).toBeGreaterThan(0);
  });

  it('says in words what a soak has shown', async () => {
    const bundle = await tinyBundleFolder();
    const flags = ['--profile', profile, '--seconds', '1', '--warm-up', '0', '--http', '2', '--library', '2'];
    const { status, stdout } = await ebb(['lab', 'bench', 'soak', bundle, ...flags]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^minute {2}answers\/s {2}refusals\/s/);
    expect(stdout).toContain("0 differ from their level's own");
    expect(stdout).toContain('Event loop: late by at most');
  });
});
