import { fileURLToPath } from 'node:url';

/** The folder of package.json; compiled tests stand in dist/test/. */
export const projectRoot = fileURLToPath(new URL('../../', import.meta.url));
