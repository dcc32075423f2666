import type { Context, Hono } from 'hono';
import type { AppOptions } from './inference-app.ts';
import { modelConfig } from './model-config.ts';
import { modelMetadata } from './model-metadata.ts';
import { modelStatistics } from './model-statistics.ts';
import { requireModel, requireVersion } from './require-model.ts';

/** The model, and a level of it. */
export const modelPaths = ['/v2/models/:model', '/v2/models/:model/versions/:version'] as const;

/** What can be asked about the model: metadata, readiness, Triton's configuration and statistics. */
export function addModelRoutes(
  app: Hono,
  options: Pick<AppOptions, 'service' | 'limits' | 'nowMs' | 'monotonicMs'>,
): void {
  const { service, limits, nowMs, monotonicMs } = options;

  function requireAsked(context: Context): number | undefined {
    requireModel(service.manifest, context.req.param('model'));
    return requireVersion(service.manifest, context.req.param('version'));
  }

  function statistics(level?: number): { model_stats: object[] } {
    const { manifest, totals } = service;
    const levels = level === undefined ? manifest.levels.map((_, index) => index) : [level];
    const epochMs = (ms: number) => nowMs() - (monotonicMs() - ms);
    return modelStatistics({ manifest, levels, totals, epochMs });
  }

  for (const path of modelPaths) {
    app.get(path, (context) => {
      const { manifest } = service;
      // Triton's path for the statistics of all models, unless the bundle itself has that name: its own are at /v2/models/stats/stats.
      if (context.req.path === '/v2/models/stats' && manifest.name !== 'stats')
        return context.json(statistics());
      requireAsked(context);
      return context.json(modelMetadata(manifest, service.engines));
    });

    app.get(`${path}/ready`, (context) => {
      requireAsked(context);
      return context.json({ name: service.manifest.name, ready: service.ready }, service.ready ? 200 : 503);
    });

    app.get(`${path}/config`, (context) => {
      requireAsked(context);
      return context.json(modelConfig(service.manifest, limits().maxBatch));
    });

    app.get(`${path}/stats`, (context) => context.json(statistics(requireAsked(context))));
  }
}
