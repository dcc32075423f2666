import type { Hono } from 'hono';
import { readPlainBody } from '../../listen/inflate-body.ts';
import { RequestError } from '../../listen/request-error.ts';
import { type AppOptions, bodyLimit } from './inference-app.ts';
import { requireModel } from './require-model.ts';

/**
 * Triton's model repository extension: the levels as versions, and the bundle read again where another one has taken its place.
 * Source: https://github.com/triton-inference-server/server, docs/protocol/extension_model_repository.md
 */
export function addRepositoryRoutes(app: Hono, options: Pick<AppOptions, 'service' | 'limits'>): void {
  const { service, limits } = options;

  app.post('/v2/repository/index', (context) =>
    context.json(
      service.manifest.levels.map((_, level) => ({
        name: service.manifest.name,
        version: String(level),
        state: service.ready ? 'READY' : 'UNAVAILABLE',
        reason: service.ready ? '' : 'the agent is not ready',
      })),
    ),
  );

  app.post('/v2/repository/models/:model/load', async (context) => {
    requireModel(service.manifest, context.req.param('model'));
    refuseOverrides(await readPlainBody(context, bodyLimit(limits().maxBodyBytes)));
    try {
      await service.reloadBundle();
    } catch (error) {
      throw new RequestError(400, (error as Error).message, { cause: error });
    }
    return context.json({});
  });

  // As a Triton server that was not started with explicit model control; without Retry-After, as it stays so.
  app.post('/v2/repository/models/:model/unload', (context) => {
    requireModel(service.manifest, context.req.param('model'));
    return context.json(
      {
        error:
          'Cannot unload the model as explicit model load / unload is not allowed: the agent keeps its bundle while it runs; stop the agent, or load the model to have its bundle read again',
      },
      503,
    );
  });
}

/** @throws RequestError 400 where the client sends a configuration or files of its own: they would be ignored. */
function refuseOverrides(body: Buffer): void {
  const text = body.toString('utf8').trim();
  if (text === '') return;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RequestError(400, 'Cannot load the model as the body must be JSON, or empty; leave it out', {
      cause,
    });
  }
  const parameters = (value as { parameters?: unknown } | null)?.parameters ?? {};
  const override = Object.keys(parameters).find((key) => key === 'config' || key.startsWith('file:'));
  if (override !== undefined)
    throw new RequestError(
      400,
      `Cannot load the model as parameters.${override.slice(0, 100)} is not supported: the agent reads bundle and profile from their files; change those, and leave the parameter out`,
    );
}
