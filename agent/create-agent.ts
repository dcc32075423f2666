import { requireBundle } from '../bundle/read-bundle.ts';
import { requireOptions, showArgument } from '../errors/check-arguments.ts';
import { ArgumentError, withCode } from '../errors/ebb-error.ts';
import { type Agent, type AgentOptions, openAgent } from './agent.ts';

const action = 'create an agent';

/** Every public option with its type, so that a misspelt or wrong one is refused before anything is opened. */
const types: Record<keyof AgentOptions, 'object' | 'function' | 'boolean' | 'string'> = {
  bundle: 'object',
  profile: 'object',
  reloadProfile: 'function',
  reloadBundle: 'function',
  log: 'object',
  http: 'boolean',
  token: 'string',
  cacheDir: 'string',
  recalibrate: 'boolean',
  calibration: 'object',
  onSwap: 'function',
  onReload: 'function',
};

function refuse(what: string, requirement: string, value: unknown): never {
  throw new ArgumentError(
    'EBB_INVALID_ARGUMENT',
    `Cannot ${action} as ${what} must be ${requirement}: current value is ${showArgument(value)}`,
  );
}

function checkOptions(options: AgentOptions): void {
  const given = requireOptions(action, options, Object.keys(types));
  for (const [name, type] of Object.entries(types)) {
    const value = given[name];
    // One of the four names above.
    const isWrong = value !== undefined && (value === null || typeof value !== type);
    if (isWrong) refuse(`option "${name}"`, `of type ${type}`, value);
  }
  requireBundle(action, options.bundle);
  const { profile, log } = options;
  if (typeof profile?.deadlineMs !== 'number' || typeof profile.http !== 'object')
    refuse('the profile', 'one that loadProfile() has read', profile);
  for (const level of ['debug', 'info', 'warn', 'error'] as const)
    if (log !== undefined && typeof log[level] !== 'function')
      refuse(`log.${level}`, 'a function', log[level]);
}

/**
 * Prepares an agent, which serves a bundle at the most accurate level that meets the deadline. Nothing is opened before `start`.
 *
 * @example
 * ```ts
 * const agent = createAgent({ bundle: await readBundle('bundle'), profile: await loadProfile('x86') });
 * const { url } = await agent.start();
 * ```
 *
 * @throws ArgumentError `EBB_INVALID_ARGUMENT` for options that are missing, unknown or of the wrong type.
 */
export function createAgent(options: AgentOptions): Agent {
  checkOptions(options);
  const agent = openAgent(options);
  /** What is not one of ebb's own errors, such as a port that is in use, gets a code here. */
  const coded = <Result>(call: Promise<Result>): Promise<Result> =>
    call.catch((error: unknown) => {
      throw withCode(error, 'EBB_FAILED');
    });
  return {
    start: () => coded(agent.start()),
    stop: () => coded(agent.stop()),
    infer: (...call) => coded(agent.infer(...call)),
    setLevel: (level) => coded(agent.setLevel(level)),
    setPolicy: (...call) => coded(agent.setPolicy(...call)),
    reload: () => coded(agent.reload()),
    replaceBundle: (bundle) => coded(agent.replaceBundle(bundle)),
    reloadBundle: () => coded(agent.reloadBundle()),
    ended: agent.ended,
    get level() {
      return agent.level;
    },
    get policy() {
      return agent.policy;
    },
    get reason() {
      return agent.reason;
    },
  };
}
