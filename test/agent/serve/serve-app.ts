import { createInferenceApp, type InferenceService } from '../../../agent/serve/inference-app.ts';
import { createTotalsCounter } from '../../../agent/serve/level-totals.ts';
import { fakeEngine, tinyManifest } from '../fake-engine.ts';

export const url = 'http://host/v2/models/tiny';
export const host = 'localhost';

/** An app over a fake engine, with what reached it. */
export function serve(
  options: { token?: string; ready?: boolean } & Partial<
    Pick<InferenceService, 'infer' | 'reloadBundle' | 'manifest'>
  > = {},
) {
  const engine = fakeEngine();
  const errors: unknown[] = [];
  const deadlines: (number | undefined)[] = [];
  const totals = createTotalsCounter(() => service.manifest.levels.length);
  const service: InferenceService = {
    manifest: options.manifest ?? tinyManifest,
    level: 0,
    ready: options.ready ?? true,
    reloadBundle: options.reloadBundle ?? (async () => 'the bundle has not changed'),
    totals: totals.of,
    infer:
      options.infer ??
      (async ({ input, batch, level, deadlineMs }) => {
        deadlines.push(deadlineMs);
        const result = await engine.run(input, batch, level === undefined ? {} : { level });
        return { ...result, queueMs: 0.25 };
      }),
  };
  const app = createInferenceApp({
    service,
    ebbVersion: '9.9.9',
    token: options.token,
    limits: () => ({ maxBodyBytes: 20_000, maxBatch: 4 }),
    nowMs: () => 1_700_000_000_000,
    monotonicMs: () => 0,
    onError: (error) => errors.push(error),
  });
  const post = (body: unknown, init: { headers?: Record<string, string>; path?: string } = {}) =>
    app.request(`${url}${init.path ?? ''}/infer`, {
      method: 'POST',
      headers: { host, ...init.headers },
      body: body instanceof Uint8Array || typeof body === 'string' ? body : JSON.stringify(body),
    });
  return { app, post, engine, errors, deadlines, totals };
}

/** JSON and behind it bytes, as the binary tensor extension has it. */
export function binary(json: object, bytes: Uint8Array) {
  const head = Buffer.from(JSON.stringify(json));
  return {
    body: Buffer.concat([head, bytes]),
    headers: { 'Inference-Header-Content-Length': String(head.length) },
  };
}

/** A request to any path; with a body a POST. */
export async function send(to: ReturnType<typeof serve>, path: string, body?: string) {
  const response = await to.app.request(`http://host${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { host },
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) };
}
