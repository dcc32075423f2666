import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createAsk } from '../../../agent/sense/ask-command.ts';
import { createChildren } from '../../../agent/sense/children.ts';
import { type Commands, createCommands } from '../../../agent/sense/commands.ts';
import { createFollow } from '../../../agent/sense/follow-command.ts';
import { createSensorRunner } from '../../../agent/sense/runner.ts';
import { createSensors, type SensorName } from '../../../agent/sense/sensors.ts';
import { temporaryFolder } from '../../temporary-folder.ts';
import { until } from '../../until.ts';
import { put, writeTree } from './write-tree.ts';

const monotonicMs = () => performance.now();

/** What a tool can do instead of answering. Each leaves the id of its process group in `pids`. */
const wrongs: Record<string, string> = {
  'hangs and ignores all signals but SIGKILL': "trap '' TERM INT HUP PIPE; sleep 1000 & wait; sleep 1000",
  'prints lines without end': 'while :; do echo 0123456789012345678901234567890123456789; done',
  'prints one line without end': "tr '\\0' x < /dev/zero",
  'prints bytes that are no text': 'head -c 20000 /dev/urandom; sleep 1000',
  'fails at once': 'exit 3',
  'ends and leaves a child behind that holds its output': 'sleep 1000 & exit 0',
};

async function writeTools(
  names: string[],
  body: string,
): Promise<{ folder: string; groups: () => Promise<number[]> }> {
  const folder = await temporaryFolder();
  for (const name of names) {
    await writeFile(join(folder, name), `#!/bin/sh\necho $$ >> ${join(folder, 'pids')}\n${body}\n`);
    await chmod(join(folder, name), 0o755);
  }
  const groups = async () =>
    (await readFile(join(folder, 'pids'), 'utf8').catch(() => '')).split('\n').filter(Boolean).map(Number);
  return { folder, groups };
}

/** Whether any process of the group runs. Those that wait to be reaped do not: in many a container nobody reaps orphans. */
function isAlive(group: number): boolean {
  if (process.platform === 'linux')
    return readdirSync('/proc').some((pid) => {
      if (!/^\d+$/.test(pid)) return false;
      try {
        const [, state, , groupOf] =
          /\) (\S) (\d+) (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
        return Number(groupOf) === group && state !== 'Z';
      } catch {
        return false;
      }
    });
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}

async function expectGone(groups: number[]): Promise<void> {
  await until('the processes are gone', () => !groups.some(isAlive));
  expect(groups.filter(isAlive)).toEqual([]);
}

/** This machine's commands, with the tools of one folder. */
function commandsOf(folder: string): Commands {
  const real = createCommands(monotonicMs);
  onTestFinished(() => real.stop());
  return {
    ask: (file, args) => real.ask(join(folder, file), args),
    follow: (file, args, onLine) => real.follow(join(folder, file), args, onLine),
    stop: () => real.stop(),
  };
}

/** A machine on which every sensor that asks a tool has to ask it. */
async function askingRoots(): Promise<[root: string, names: SensorName[]][]> {
  const tegra = { 'proc/device-tree/compatible': 'nvidia,p3701\0nvidia,tegra234\0' };
  return [
    [await writeTree({ 'proc/device-tree/model': 'Raspberry Pi 5 Model B Rev 1.0\0' }), ['raspberry_pi']],
    [await writeTree(tegra), ['jetson_gpu', 'jetson_power', 'nvpmodel']],
    [await writeTree({ 'proc/driver/nvidia/version': 'NVRM version: 550\n' }), ['nvidia_gpu']],
  ];
}

describe.skipIf(process.platform === 'win32')('a tool of a sensor that', () => {
  for (const [wrong, body] of Object.entries(wrongs))
    it(`${wrong} costs a reading, no other sensor, and leaves no process behind`, async () => {
      const { folder, groups } = await writeTools(['vcgencmd', 'nvpmodel', 'tegrastats', 'nvidia-smi'], body);
      const runners = (await askingRoots()).map(([root, names]) => {
        const commands = commandsOf(folder);
        const sensors = createSensors({
          root,
          names: [...names, 'memory'],
          nowMs: () => 0,
          monotonicMs,
          platform: 'linux',
          commands,
        });
        return createSensorRunner({ sensors, monotonicMs, limitMs: 3000 });
      });
      for (let round = 0; round < 3; round += 1) {
        const reports = (await Promise.all(runners.map((runner) => runner.read()))).flat();
        expect(reports).toHaveLength(8);
        for (const { success, readings, noData } of reports)
          expect([success, readings, noData]).toEqual([true, [], expect.any(String)]);
      }
      // vcgencmd twice, for its two questions; nvpmodel once; tegrastats and nvidia-smi once: not one a reading.
      expect((await groups()).length).toBeLessThanOrEqual(5);
      await Promise.all(runners.map((runner) => runner.stop()));
      await expectGone(await groups());
    });
});

describe('createFollow()', () => {
  const limits = { backOffMs: [1000, 8000], silentMs: 5000, idleMs: 60_000 } as const;

  async function follow(body: string, clock: { ms: number }, options: Partial<typeof limits> = {}) {
    const { folder, groups } = await writeTools(['tool'], body);
    const children = createChildren();
    onTestFinished(() => children.stop());
    const lines: string[] = [];
    const following = createFollow(children, () => clock.ms, { ...limits, ...options })(
      join(folder, 'tool'),
      [],
      (line) => lines.push(line),
    );
    return { following, lines, groups, children };
  }

  it('hears each line of one process, however often it is asked to keep it', async () => {
    const { following, lines, groups, children } = await follow(
      'echo a; printf "b\\r\\n\\nc"; echo d; sleep 1000',
      {
        ms: 0,
      },
    );
    expect(following.trouble).toBeUndefined();
    for (let count = 0; count < 20; count += 1) following.keep();
    await until('lines come', () => lines.length === 3);
    expect(lines).toEqual(['a', 'b', 'cd']);
    expect(await groups()).toHaveLength(1);
    await children.stop();
    await expectGone(await groups());
    following.keep();
    expect(following.trouble).toMatch('status');
  });

  it('starts a process anew that has ended, each time after twice the wait', async () => {
    const clock = { ms: 0 };
    const { following, groups } = await follow('exit 3', clock);
    const startsAt: number[] = [];
    let count = 0;
    for (; clock.ms <= 20_000; clock.ms += 500) {
      const before = following.trouble;
      following.keep();
      if (before === undefined || following.trouble === undefined) {
        count += 1;
        startsAt.push(clock.ms);
        await until('it is told what came of it', () => following.trouble !== undefined);
      }
    }
    expect(startsAt).toEqual([0, 1000, 3000, 7000, 15_000]);
    expect(await groups()).toHaveLength(count);
    expect(following.trouble).toBe('it ended with status 3');
  });

  it('kills what is silent for long, and tells so', async () => {
    const clock = { ms: 0 };
    const { following, groups } = await follow("trap '' TERM; sleep 1000", clock);
    following.keep();
    await until('the tool runs', async () => (await groups()).length === 1);
    clock.ms = 5001;
    following.keep();
    await expectGone((await groups()).slice(0, 1));
    expect(await groups()).not.toHaveLength(0);
  });

  it('kills what nobody asks for any more', async () => {
    const { following, groups } = await follow('sleep 1000', { ms: 0 }, { idleMs: 50 } as object);
    following.keep();
    await until('the tool runs', async () => (await groups()).length === 1);
    await expectGone(await groups());
  });

  it('tells of what is not installed, and finds it once it is', async () => {
    const folder = await temporaryFolder();
    const children = createChildren();
    onTestFinished(() => children.stop());
    const clock = { ms: 0 };
    const lines: string[] = [];
    const following = createFollow(children, () => clock.ms, limits)(join(folder, 'tool'), [], (line) =>
      lines.push(line),
    );
    following.keep();
    await until('it is told what came of it', () => following.trouble !== undefined);
    expect(following.trouble).toBe('it is not installed');
    await put(folder, 'tool', '#!/bin/sh\necho here\nsleep 1000\n');
    await chmod(join(folder, 'tool'), 0o755);
    following.keep();
    expect(lines).toEqual([]);
    clock.ms = 1000;
    following.keep();
    await until('lines come', () => lines.length > 0);
    expect(following.trouble).toBeUndefined();
  });
});

describe('createChildren()', () => {
  it('takes what it has started along when the process ends', async () => {
    const children = new URL('../../../agent/sense/children.js', import.meta.url).href;
    const script = `
      const { createChildren } = await import(${JSON.stringify(children)});
      const child = createChildren().start('sleep', ['1000']);
      process.stdout.write(String(child.pid));
      process.exit(0);`;
    const pid = Number(
      execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }),
    );
    expect(pid).toBeGreaterThan(0);
    await expectGone([pid]);
  });

  it('does not keep the process from ending', () => {
    const children = new URL('../../../agent/sense/children.js', import.meta.url).href;
    const script = `(await import(${JSON.stringify(children)})).createChildren().start('sleep', ['1000']);`;
    execFileSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 });
  });

  it('may be stopped by every sensor at once', async () => {
    const children = createChildren();
    const child = children.start('sleep', ['1000']);
    const stops = Array.from({ length: 20 }, () => children.stop());
    expect(child?.listenerCount('close')).toBeLessThan(5);
    await Promise.all(stops);
    expect(child?.signalCode).toBe('SIGKILL');
  });
});

describe('createAsk()', () => {
  it('does not start a command anew that even SIGKILL does not end', async () => {
    let starts = 0;
    const real = createChildren();
    onTestFinished(() => real.stop());
    const children = {
      ...real,
      start: (file: string, args: readonly string[]) => {
        starts += 1;
        return real.start(file, args);
      },
      kill: () => {},
    };
    const ask = createAsk(children, 20);
    expect(await ask('sleep', ['1000'])).toBeUndefined();
    expect(await ask('sleep', ['1000'])).toBeUndefined();
    expect(await ask('sleep', ['1001'])).toBeUndefined();
    expect(starts).toBe(2);
  });
});
