import { Hono } from 'hono';
import type { Manifest } from '../../bundle/manifest.ts';
import { answerAtOnce } from '../../listen/answer-at-once.ts';
import { createGuard } from '../../listen/guard.ts';
import { acceptedEncodings, inflateBody } from '../../listen/inflate-body.ts';
import { type BodyLimit, readBody } from '../../listen/read-body.ts';
import { RequestError } from '../../listen/request-error.ts';
import type { LevelTotals } from './level-totals.ts';
import type { LevelEngines } from './model-metadata.ts';
import { addModelRoutes, modelPaths } from './model-routes.ts';
import { parseInferRequest } from './parse-infer-request.ts';
import { renderInferAnswer } from './render-infer-answer.ts';
import { addRepositoryRoutes } from './repository-routes.ts';
import { modelOfPath, requireModel, requireVersion } from './require-model.ts';

/** What the protocol needs of an agent. */
export type InferenceService = {
  /** Of the bundle that answers now: another may take over, of the same name, input and outputs. */
  readonly manifest: Manifest;
  /** The active level. */
  readonly level: number;
  /** Undefined before the bundle is open. */
  readonly engines?: LevelEngines | undefined;
  /** False before the start has ended, from the beginning of the stop, and where the engine has died. */
  readonly ready: boolean;
  /** Reads the bundle again: see `Agent.reloadBundle`. */
  reloadBundle(): Promise<string>;
  /** What became of a level's requests since the start. */
  totals(level: number): Readonly<LevelTotals>;
  infer(request: {
    input: Float32Array;
    batch: number;
    level?: number | undefined;
    deadlineMs?: number | undefined;
    /** The level must be known to be so accurate, 0..1. */
    minAccuracy?: number | undefined;
    /** When the body had arrived, on the service's clock. */
    receivedMs: number;
  }): Promise<{ output: Float32Array; level: number; inferMs: number; queueMs: number }>;
};

export type AppOptions = {
  service: InferenceService;
  ebbVersion: string;
  /** Bearer token that all but the health paths ask for; without it they answer to this machine's own names alone. */
  token?: string | undefined;
  /** Asked at each request: they may change. */
  limits: () => { maxBodyBytes: number; maxBatch: number };
  nowMs: () => number;
  /** The service's clock. */
  monotonicMs: () => number;
  /** Errors that are not the client's. */
  onError: (error: unknown) => void;
};

/** Of what a client sends to the agent. */
export function bodyLimit(limitBytes: number): BodyLimit {
  return { limitBytes, cure: 'send fewer inputs at a time or raise http.max_body_bytes in the profile' };
}

const json = { 'Content-Type': 'application/json' };

/** Open Inference Protocol v2 over HTTP: a level is a version of the model, no version means the active level. */
export function createInferenceApp(options: AppOptions): Hono {
  const { service, ebbVersion, token, limits, monotonicMs, onError } = options;
  const app = new Hono();

  app.use(createGuard({ token, isOpen: (path) => path.startsWith('/v2/health/') }));

  app.get('/v2', (context) =>
    context.json({
      name: 'ebb',
      version: ebbVersion,
      extensions: [
        'binary_tensor_data',
        'classification',
        'model_configuration',
        'model_repository',
        'statistics',
      ],
    }),
  );
  app.get('/v2/health/live', (context) => context.json({ live: true }));
  app.get('/v2/health/ready', (context) => context.json({ ready: service.ready }, service.ready ? 200 : 503));

  addModelRoutes(app, options);
  addRepositoryRoutes(app, options);

  for (const model of modelPaths) {
    app.post(`${model}/infer`, async (context) => {
      const { manifest } = service;
      requireModel(manifest, context.req.param('model'));
      const level = requireVersion(manifest, context.req.param('version'));
      const { maxBodyBytes, maxBatch } = limits();
      const limit = bodyLimit(maxBodyBytes);
      const jsonLength = context.req.header('inference-header-content-length');
      const sent = await readBody(context, limit, { alignAt: Number(jsonLength) || 0 });
      const receivedMs = monotonicMs();
      const encoding = context.req.header('content-encoding');
      const body = encoding === undefined ? sent : await inflateBody(sent, encoding, limit);
      const request = parseInferRequest({ manifest, body, jsonLength, maxBatch });
      const { id, input, batch, deadlineMs, minAccuracy, binaryOutput: binary, classes } = request;
      const answer = await service.infer({ input, batch, level, deadlineMs, minAccuracy, receivedMs });
      const rendered = renderInferAnswer({ manifest, id, batch, binary, classes, ...answer });
      if (rendered.jsonLength === undefined) return answerAtOnce(context, 200, rendered.body, json);
      return answerAtOnce(context, 200, rendered.body, {
        'Content-Type': 'application/octet-stream',
        'Inference-Header-Content-Length': String(rendered.jsonLength),
      });
    });
  }

  app.notFound((context) => {
    const { name } = service.manifest;
    const { method, path } = context.req;
    const model = modelOfPath(path);
    // A path below the model itself is a wrong path.
    if (model !== undefined && !`${model}/`.startsWith(`${name}/`)) requireModel(service.manifest, model);
    return context.json(
      {
        error: `Cannot find ${method} ${path.slice(0, 200)}; known are GET /v2, /v2/health/live, /v2/health/ready, /v2/models/stats, /v2/models/${name}[/versions/LEVEL][/ready, /config or /stats], POST .../infer, /v2/repository/index and /v2/repository/models/${name}/load`,
      },
      404,
    );
  });

  app.onError((error, context) => {
    if (!(error instanceof RequestError)) {
      onError(error);
      return context.json({ error: 'Cannot answer: the agent failed; its log says why' }, 500);
    }
    const { status, message } = error;
    return answerAtOnce(context, status, JSON.stringify({ error: message }), {
      ...json,
      // What is left of the body must not be taken for the next request.
      ...(status === 413 || status === 408 ? { Connection: 'close' } : {}),
      ...(status === 503 ? { 'Retry-After': '1' } : {}),
      ...(status === 415 ? { 'Accept-Encoding': acceptedEncodings } : {}),
    });
  });

  return app;
}
