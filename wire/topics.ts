/** All topics lie below this one. */
export const topicRoot = 'ebb';

const nameLengthMax = 64;
// MQTT 5, 4.7: "/" parts levels, "+" and "#" are wildcards; \p{C} are control and invisible characters.
const forbidden = /[/+#\s\p{C}]/u;

export type CommandName = 'level' | 'policy' | 'reload';

export const commandNames: readonly CommandName[] = ['level', 'policy', 'reload'];

export type Topic =
  | { fleet: string; device: string; kind: 'status' | 'info' | 'telemetry' | 'swap' }
  | { fleet: string; device: string; kind: 'set' | 'answer'; command: string };

/** True where `name` can be one level of a topic: 1 to 64 characters without "/", "+", "#", white space and control characters. */
export function isTopicName(name: string): boolean {
  return name.length > 0 && name.length <= nameLengthMax && !name.startsWith('$') && !forbidden.test(name);
}

/** Returns `name`. Throws a RangeError that names `what` where it cannot be one level of a topic. */
export function checkTopicName(what: string, name: string): string {
  if (isTopicName(name)) return name;
  throw new RangeError(
    `Cannot use the ${what} name as it must be 1 to ${nameLengthMax} characters without "/", "+", "#", spaces and control characters: current value is ${JSON.stringify(name.slice(0, 80))}`,
  );
}

/** The topics of one device. Throws a RangeError for a name that cannot stand in a topic. */
export function deviceTopics(options: { fleet: string; device: string }) {
  const fleet = checkTopicName('fleet', options.fleet);
  const device = checkTopicName('device', options.device);
  const prefix = `${topicRoot}/${fleet}/${device}/`;
  return {
    prefix,
    status: `${prefix}status`,
    info: `${prefix}info`,
    telemetry: `${prefix}telemetry`,
    swap: `${prefix}swap`,
    /** The filter that matches every command. */
    commands: `${prefix}set/+`,
    set: (command: CommandName) => `${prefix}set/${command}`,
    answer: (command: string) => `${prefix}set/${command}/answer`,
  };
}

/** The filters that a monitor subscribes to: all fleets, or the named one. */
export function monitorFilters(fleet?: string): string[] {
  const level = fleet === undefined ? '+' : checkTopicName('fleet', fleet);
  return ['status', 'info', 'telemetry', 'swap', 'set/+/answer'].map(
    (leaf) => `${topicRoot}/${level}/+/${leaf}`,
  );
}

/** Reads a topic; null for one that is not ours. */
export function parseTopic(topic: string): Topic | null {
  const [root, fleet, device, kind, command, answer, ...rest] = topic.split('/');
  if (root !== topicRoot || rest.length > 0 || !fleet || !device || !kind) return null;
  if (!isTopicName(fleet) || !isTopicName(device)) return null;
  switch (kind) {
    case 'status':
    case 'info':
    case 'telemetry':
    case 'swap':
      return command === undefined ? { fleet, device, kind } : null;
    case 'set':
      if (command === undefined || !isTopicName(command)) return null;
      if (answer === undefined) return { fleet, device, kind: 'set', command };
      return answer === 'answer' ? { fleet, device, kind: 'answer', command } : null;
    default:
      return null;
  }
}
