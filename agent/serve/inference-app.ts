import { Hono } from 'hono';
import type { Manifest } from '../../bundle/manifest.ts';
import { answerAtOnce } from '../../listen/answer-at-once.ts';
import { createGuard } from '../../listen/guard.ts';
import { parseInferRequest } from './parse-infer-request.ts';
import { readBody } from './read-body.ts';
import { renderInferAnswer } from './render-infer-answer.ts';
import { RequestError, showValue } from './request-error.ts';

/** What the protocol needs of an agent. */
export type InferenceService = {
  /** Of the bundle that answers now: another may take over, of the same name, input and outputs. */
  readonly manifest: Manifest;
  /** The active level. */
  readonly level: number;
  /** False before the start has ended, from the beginning of the stop, and where the engine has died. */
  readonly ready: boolean;
  /** Reads the bundle again: see `Agent.reloadBundle`. */
  reloadBundle(): Promise<string>;
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
  monotonicMs: () => number;
  /** Errors that are not the client's. */
  onError: (error: unknown) => void;
};

const json = { 'Content-Type': 'application/json' };

/** Open Inference Protocol v2 over HTTP: a level is a version of the model, no version means the active level. */
export function createInferenceApp(options: AppOptions): Hono {
  const { service, ebbVersion, token, limits, monotonicMs, onError } = options;
  const app = new Hono();

  function requireModel(name: string | undefined): void {
    if (name === service.manifest.name) return;
    throw new RequestError(
      404,
      `Cannot find the model as its name must be "${service.manifest.name}": current value is ${showValue(name)}`,
    );
  }

  function requireVersion(version: string | undefined): number | undefined {
    if (version === undefined) return undefined;
    const last = service.manifest.levels.length - 1;
    if (/^\d{1,6}$/.test(version) && Number(version) <= last) return Number(version);
    throw new RequestError(
      404,
      `Cannot find the version as it must be a level from 0 to ${last}: current value is ${showValue(version)}; leave it out for the active level`,
    );
  }

  const tensor = ({ name, shape }: Manifest['input'] | Manifest['output']) => ({
    name,
    datatype: 'FP32',
    shape: [-1, ...shape.slice(1)],
  });

  app.use(createGuard({ token, isOpen: (path) => path.startsWith('/v2/health/') }));

  app.get('/v2', (context) =>
    context.json({
      name: 'ebb',
      version: ebbVersion,
      extensions: ['binary_tensor_data', 'model_repository'],
    }),
  );
  app.get('/v2/health/live', (context) => context.json({ live: true }));
  app.get('/v2/health/ready', (context) => context.json({ ready: service.ready }, service.ready ? 200 : 503));

  for (const model of ['/v2/models/:model', '/v2/models/:model/versions/:version']) {
    app.get(model, (context) => {
      requireModel(context.req.param('model'));
      requireVersion(context.req.param('version'));
      const { manifest } = service;
      return context.json({
        name: manifest.name,
        versions: manifest.levels.map((_, level) => String(level)),
        platform: 'onnxruntime_onnx',
        inputs: [tensor(manifest.input)],
        outputs: [tensor(manifest.output)],
      });
    });

    app.get(`${model}/ready`, (context) => {
      requireModel(context.req.param('model'));
      requireVersion(context.req.param('version'));
      return context.json({ name: service.manifest.name, ready: service.ready }, service.ready ? 200 : 503);
    });

    app.post(`${model}/infer`, async (context) => {
      requireModel(context.req.param('model'));
      const level = requireVersion(context.req.param('version'));
      const { manifest } = service;
      const { maxBodyBytes, maxBatch } = limits();
      const body = await readBody(context.req.raw, maxBodyBytes);
      const receivedMs = monotonicMs();
      const jsonLength = context.req.header('inference-header-content-length');
      const request = parseInferRequest({ manifest, body, jsonLength, maxBatch });
      const { id, input, batch, deadlineMs, minAccuracy, binaryOutput: binary } = request;
      const answer = await service.infer({ input, batch, level, deadlineMs, minAccuracy, receivedMs });
      const rendered = renderInferAnswer({ manifest, id, batch, binary, ...answer });
      if (rendered.jsonLength === undefined) return answerAtOnce(context, 200, rendered.body, json);
      return answerAtOnce(context, 200, rendered.body, {
        'Content-Type': 'application/octet-stream',
        'Inference-Header-Content-Length': String(rendered.jsonLength),
      });
    });
  }

  // Model repository extension (Triton): the levels as versions, and the bundle read again where another one has taken its place.
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
    requireModel(context.req.param('model'));
    try {
      await service.reloadBundle();
    } catch (error) {
      throw new RequestError(400, (error as Error).message, { cause: error });
    }
    return context.json({});
  });

  app.notFound((context) =>
    context.json(
      {
        error: `Cannot find ${context.req.method} ${context.req.path.slice(0, 200)}; known are GET /v2, /v2/health/live, /v2/health/ready, /v2/models/${service.manifest.name}[/versions/LEVEL][/ready], POST .../infer, /v2/repository/index and /v2/repository/models/${service.manifest.name}/load`,
      },
      404,
    ),
  );

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
    });
  });

  return app;
}
