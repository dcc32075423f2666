import { dirname, join } from 'node:path';
import { readBounded } from './read-bounded.ts';

/** A group's place in one hierarchy: version 1 has one for each controller, version 2 one for all. */
export type GroupPath = { version: 1 | 2; path: string };

/** The groups of this process, by what they limit. */
export type GroupPaths = { cpu?: GroupPath; memory?: GroupPath };

/** A mounted hierarchy: `root` is the group that its folder `point` shows. */
export type GroupMount = { version: 1 | 2; controllers: readonly string[]; root: string; point: string };

/** Folders of a group and its ancestors, the innermost first. */
export type GroupFolders = { version: 1 | 2; folders: readonly string[] };

const controllers = ['cpu', 'memory'] as const;
/** A host with many containers has thousands of mounts. */
const mountinfoLimitBytes = 1024 * 1024;
const maxDepth = 32;

/** Parses `/proc/self/cgroup` (cgroups(7)): `hierarchy:controllers:path` a line; hierarchy 0 without controllers is version 2. */
export function parseGroupPaths(text: string): GroupPaths | undefined {
  const lines = text.split('\n').flatMap((line) => {
    const [, hierarchy, names = '', path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    if (hierarchy === undefined || path === undefined) return [];
    // A group outside of this namespace: its name cannot be told from inside.
    return [{ hierarchy, names: names.split(','), path: path.split('/').includes('..') ? '/' : path }];
  });
  const unified = lines.find(({ hierarchy }) => hierarchy === '0')?.path;
  const pathOf = (controller: string): GroupPath | undefined => {
    const own = lines.find(({ names }) => names.includes(controller))?.path;
    if (own !== undefined) return { version: 1, path: own };
    return unified === undefined ? undefined : { version: 2, path: unified };
  };
  const found = controllers.flatMap((controller) => {
    const group = pathOf(controller);
    return group === undefined ? [] : [[controller, group] as const];
  });
  return found.length > 0 ? Object.fromEntries(found) : undefined;
}

/** Undoes the escapes of mountinfo: blanks, tabs, line feeds and backslashes as three octal digits. */
const unescapeOctal = (text: string) =>
  text.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8)));

/**
 * Parses the control groups of `/proc/self/mountinfo` (proc_pid_mountinfo(5)):
 * `id parent major:minor root point options [fields...] - type source options`.
 */
export function parseGroupMounts(text: string): GroupMount[] {
  return text.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root = '', point = ''] = before.split(' ');
    const [type, , options = ''] = after.split(' ');
    if ((type !== 'cgroup' && type !== 'cgroup2') || !root.startsWith('/') || !point.startsWith('/'))
      return [];
    const version = type === 'cgroup2' ? 2 : 1;
    return [
      { version, controllers: options.split(','), root: unescapeOctal(root), point: unescapeOctal(point) },
    ];
  });
}

/** Where the hierarchies stand if there is no mountinfo, as in a recorded tree: the customary places. */
function customaryMounts(controller: string): GroupMount[] {
  const at = (version: 1 | 2, name: string) => ({
    version,
    controllers: [controller],
    root: '/',
    point: join('/sys/fs/cgroup', name),
  });
  const joint = controller === 'cpu' ? ['cpu,cpuacct', 'cpuacct,cpu'] : [];
  return [at(2, 'unified'), at(2, ''), ...[controller, ...joint].map((name) => at(1, name))];
}

/** Where `path` stands below a mount; the mount's own folder if the mount does not show it, as from inside a container. */
function below(
  { root, point }: GroupMount,
  path: string,
): { inside: string; point: string; isShown: boolean } {
  if (root === '/') return { inside: path, point, isShown: true };
  const isShown = path === root || path.startsWith(`${root}/`);
  return { inside: isShown ? path.slice(root.length) || '/' : '/', point, isShown };
}

function ancestors(path: string): string[] {
  const all = [path];
  while (all.length < maxDepth && all[all.length - 1] !== '/')
    all.push(dirname(all[all.length - 1] as string));
  return all;
}

/**
 * Finds the folders of this process's control groups below `root`: the group and all of its ancestors that are visible.
 * The mounts are looked up again when the process has been moved to another group.
 */
export function createGroupFinder(root: string) {
  let last: { text: string; found: { cpu?: GroupFolders; memory?: GroupFolders } | undefined } | undefined;

  async function find(text: string): Promise<{ cpu?: GroupFolders; memory?: GroupFolders } | undefined> {
    const paths = parseGroupPaths(text);
    if (paths === undefined) return undefined;
    const mountinfo = await readBounded(join(root, 'proc/self/mountinfo'), mountinfoLimitBytes);
    const mounted = mountinfo === undefined ? undefined : parseGroupMounts(mountinfo);
    const foldersOf = (controller: 'cpu' | 'memory'): GroupFolders | undefined => {
      const group = paths[controller];
      if (group === undefined) return undefined;
      const { version, path } = group;
      const places = (mounted ?? customaryMounts(controller))
        .filter((mount) => mount.version === version)
        .filter((mount) => version === 2 || mount.controllers.includes(controller))
        .map((mount) => below(mount, path));
      // A mount that shows the group says more than one that does not. Several may: one can be hidden below another.
      const shown = places.filter(({ isShown }) => isShown);
      const chosen = shown.length > 0 ? shown : places.slice(0, 1);
      const folders = chosen.flatMap(({ inside, point }) =>
        ancestors(inside).map((one) => join(root, point, one)),
      );
      return folders.length > 0 ? { version, folders } : undefined;
    };
    const cpu = foldersOf('cpu');
    const memory = foldersOf('memory');
    return { ...(cpu ? { cpu } : {}), ...(memory ? { memory } : {}) };
  }

  /** @returns undefined if this process is in no control group. */
  return async (): Promise<{ cpu?: GroupFolders; memory?: GroupFolders } | undefined> => {
    const text = await readBounded(join(root, 'proc/self/cgroup'));
    if (text === undefined) return undefined;
    if (last?.text !== text) last = { text, found: await find(text) };
    return last.found;
  };
}

export type FindGroups = ReturnType<typeof createGroupFinder>;
