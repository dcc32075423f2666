import { Hono } from 'hono';
import { expect, it } from 'vitest';
import { createGuard } from '../../listen/guard.ts';

function guarded(token?: string) {
  const app = new Hono();
  app.use(createGuard({ token, isOpen: (path) => path === '/health' }));
  app.get('/health', (context) => context.text('well'));
  app.get('/state', (context) => context.json({ secret: 7 }));
  app.post('/state', (context) => context.json({ changed: true }));
  return async (path: string, headers: Record<string, string> = {}, method = 'GET') => {
    const response = await app.request(`http://unused${path}`, { headers, method });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
}

it('without a token the guard lets in who calls this machine by its own name, and no other', async () => {
  const get = guarded();
  for (const host of ['localhost', 'localhost:8080', '127.0.0.1:8080', '[::1]:8080'])
    expect((await get('/state', { host })).status).toBe(200);
  const refused = await get('/state', { host: 'evil.example:8080' });
  expect(refused.status).toBe(403);
  expect(JSON.parse(refused.text).error).toMatch(/"evil\.example:8080"; call it by localhost.*EBB_TOKEN/);
  expect((await get('/state')).status).toBe(403);
  // What there is and what there is not looks alike from outside.
  expect((await get('/nothing', { host: 'evil.example' })).status).toBe(403);
});

it('without a token the guard keeps out what a page of another site sends, whatever its Content-Type', async () => {
  const ask = guarded();
  const local = { host: '127.0.0.1:8080' };
  const post = async (headers: Record<string, string>) =>
    (await ask('/state', { ...local, 'content-type': 'text/plain', ...headers }, 'POST')).status;
  // Programs, and pages that this server itself has sent.
  expect(await post({})).toBe(200);
  expect(await post({ origin: 'http://127.0.0.1:8080', 'sec-fetch-site': 'same-origin' })).toBe(200);
  for (const headers of [
    { origin: 'https://evil.example' },
    { origin: 'http://127.0.0.1:3000' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
  ])
    expect(await post(headers as Record<string, string>)).toBe(403);
  const refused = await ask('/state', { ...local, origin: 'https://evil.example' }, 'POST');
  expect(JSON.parse(refused.text).error).toMatch(
    /Origin is "https:\/\/evil\.example"; start it with --token-file/,
  );
  // A link leads here.
  expect((await ask('/state', { ...local, 'sec-fetch-site': 'cross-site' })).status).toBe(200);
  const withToken = guarded('a-long-enough-token');
  const authorization = 'Bearer a-long-enough-token';
  expect((await withToken('/state', { authorization, origin: 'https://app.example' }, 'POST')).status).toBe(
    200,
  );
});

it('with a token the guard lets in who gives it, by whatever name', async () => {
  const get = guarded('a-long-enough-token');
  const authorization = 'Bearer a-long-enough-token';
  expect((await get('/state', { authorization, host: 'board.example' })).status).toBe(200);
  for (const wrong of ['', 'Bearer wrong', 'Basic a-long-enough-token']) {
    const refused = await get('/state', { authorization: wrong, host: 'localhost' });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer');
    expect(refused.text).not.toContain('secret');
  }
});

it('open paths answer everybody, and no detour leads through them', async () => {
  for (const get of [guarded(), guarded('a-long-enough-token')]) {
    expect((await get('/health', { host: 'evil.example' })).status).toBe(200);
    for (const path of ['/health/../state', '/health/', '//state', '/%73tate', '/health%2f..%2fstate'])
      expect((await get(path, { host: 'evil.example' })).text).not.toContain('secret');
  }
});
