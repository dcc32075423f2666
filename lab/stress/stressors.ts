import { type CpuGroup, makeCpuGroup } from './cgroup-quota.ts';
import { type Stress, startCpuStress } from './cpu-stress.ts';
import { requireStressNg, startStressNg } from './stress-ng.ts';

export const stressorNames = ['cpu', 'stream', 'quota', 'spin'] as const;
export type StressorName = (typeof stressorNames)[number];

/** What takes the CPU from an agent for a while. */
export type Stressor = {
  name: StressorName;
  /** For people. */
  what: string;
  /** Readies it for one agent, before anything is measured. */
  prepare(agent: { pid: number }): Promise<ReadyStressor>;
};

export type ReadyStressor = {
  start(durationS: number): Promise<Stress>;
  /** Undoes what `prepare` did. */
  end(): Promise<void>;
};

/** Cores that the agent's group has before they are halved: what its one inference thread can use. */
const quotaCores = 1;

const unready = (start: (durationS: number) => Stress) => async () => ({
  start: async (durationS: number) => start(durationS),
  end: async () => {},
});

function halve(group: CpuGroup): ReadyStressor {
  return {
    async start() {
      await group.setCores(quotaCores / 2);
      return { stop: () => group.setCores(quotaCores) };
    },
    end: () => group.remove(),
  };
}

/**
 * @param options.processes that each want a whole core.
 * @throws Error where this machine cannot, with the cure.
 */
export async function openStressor(
  name: StressorName,
  options: { processes: number; root: string },
): Promise<Stressor> {
  const { processes, root } = options;
  switch (name) {
    case 'cpu':
    case 'stream': {
      await requireStressNg();
      const args = [`--${name}`, String(processes)];
      return {
        name,
        what: `stress-ng ${args.join(' ')}`,
        prepare: unready((durationS) => startStressNg(args, durationS)),
      };
    }
    case 'quota': {
      const group = (suffix: string) => makeCpuGroup({ root, name: `ebb-lab-${process.pid}${suffix}` });
      await (await group('-try')).remove();
      return {
        name,
        what: `the agent's CPU quota halved: ${quotaCores} core to ${quotaCores / 2}`,
        async prepare({ pid }) {
          const made = await group('');
          try {
            await made.setCores(quotaCores);
            await made.add(pid);
            return halve(made);
          } catch (error) {
            await made.remove();
            throw error;
          }
        },
      };
    }
    case 'spin':
      return {
        name,
        what: processes === 1 ? '1 process that spins' : `${processes} processes that spin`,
        prepare: unready(() => startCpuStress(processes)),
      };
  }
}
