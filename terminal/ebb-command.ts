import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { packageRoot } from './package-folders.ts';

type Where = { cwd?: string; path?: string; root?: string };

const isSame = (file: string, cli: string): boolean => {
  try {
    return realpathSync(file) === realpathSync(cli);
  } catch {
    return false;
  }
};

/** The nearest folder, from `cwd` upwards, that npx takes for the project. */
function projectFolder(cwd: string): string | undefined {
  for (let folder = cwd; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) || existsSync(join(folder, 'node_modules'))) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

/**
 * How `ebb` can be typed in folder `cwd`: "npx ebb" in a project that has it and in its clone, "ebb" if it is on the
 * path, else by its file. Never "npx ebb" elsewhere: npx would download what the registry has under that name.
 */
export function ebbCommand(where: Where = {}): string {
  const { cwd = process.cwd(), path = process.env.PATH ?? '', root = packageRoot } = where;
  const cli = join(root, 'dist', 'cli.js');
  const project = projectFolder(cwd);
  if (project !== undefined) {
    if (isSame(project, root) || isSame(join(project, 'node_modules', '.bin', 'ebb'), cli)) return 'npx ebb';
    // pnpm and Windows put a script there, which is no link.
    if (isSame(join(project, 'node_modules', 'ebb'), root)) return 'npx ebb';
  }
  // npx puts folders of its own on the path, which the user's shell does not have.
  const folders = path.split(delimiter).filter((folder) => !folder.includes('node_modules'));
  const found = folders.map((folder) => join(folder, 'ebb')).find((file) => existsSync(file));
  return found !== undefined && isSame(found, cli) ? 'ebb' : `node ${cli}`;
}
