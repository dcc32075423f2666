// npm runs this before the install scripts of ebb's dependencies. On linux-x64 onnxruntime-node's script downloads CUDA
// libraries of several hundred MB from api.nuget.org, and fails the whole installation where that host is out of reach.
// It offers no setting that a package could make, so a line is added to it: it downloads only if asked to, by
//   ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const flag = 'const INSTALL_FLAG = parseInstallFlag();\n';
const line =
  '// Added by ebb: CUDA libraries only if asked for.\nif (INSTALL_FLAG === undefined) process.exit(0);\n';

/** The script with the line; as it was, if it is of an unknown shape or has the line. */
export function skipUnlessAsked(script) {
  return script.includes(line) ? script : script.replace(flag, `${flag}${line}`);
}

function main() {
  try {
    const manifest = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
    const path = join(dirname(manifest), 'script', 'install.js');
    writeFileSync(path, skipUnlessAsked(readFileSync(path, 'utf8')));
  } catch {
    // Not installed yet (in a clone, which asks for no CUDA in another way), or read-only: npm says what fails.
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();
