import type { Manifest } from '../../bundle/manifest.ts';
import { RequestError, showValue } from '../../listen/request-error.ts';

/** @throws RequestError 404 where the path names another model than the bundle. */
export function requireModel({ name: known }: Pick<Manifest, 'name'>, name: string | undefined): void {
  if (name === known) return;
  throw new RequestError(
    404,
    `Cannot find the model as its name must be "${known}": current value is ${showValue(name)}`,
  );
}

/**
 * The level that the path names as a version of the model.
 * @returns undefined without one, for the active level. @throws RequestError 404 where there is no such level.
 */
export function requireVersion(
  { levels }: Pick<Manifest, 'levels'>,
  version: string | undefined,
): number | undefined {
  if (version === undefined) return undefined;
  const last = levels.length - 1;
  if (/^\d{1,6}$/.test(version) && Number(version) <= last) return Number(version);
  throw new RequestError(
    404,
    `Cannot find the version as it must be a level from 0 to ${last}: current value is ${showValue(version)}; leave it out for the active level`,
  );
}

/**
 * The model that a path without a route asks for where its name holds slashes, which no bundle's does. Triton's clients leave them as they are.
 * @returns undefined where the path asks for no model.
 */
export function modelOfPath(path: string): string | undefined {
  const asked =
    /^\/v2\/models\/(.+?)(?:\/versions\/[^/]+)?(?:\/(?:infer|ready|config|stats))?$/.exec(path) ??
    /^\/v2\/repository\/models\/(.+?)(?:\/(?:load|unload))?$/.exec(path);
  return asked?.[1];
}
