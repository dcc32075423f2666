import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { createGuard } from '../../listen/guard.ts';
import { type Command, decodeCommand } from '../../wire/command.ts';
import { type CommandName, commandNames } from '../../wire/topics.ts';
import type { Commander } from '../commander.ts';
import { deviceJson, swapRecordJson } from '../fleet-json.ts';
import type { Roster } from '../roster.ts';

const bodyBytesMax = 16 * 1024;

/** The monitor over HTTP: state as JSON, and commands to devices. The guard stands before all but `/healthz`. */
export function createApi(options: {
  roster: Roster;
  commander: Pick<Commander, 'send'>;
  isConnected: () => boolean;
  token: string | undefined;
}): Hono {
  const { roster, commander, isConnected, token } = options;
  const app = new Hono();
  const refuse = (context: Context, status: 400 | 404 | 409 | 413 | 415 | 500 | 503 | 504, error: string) =>
    context.json({ error }, status);

  app.notFound((context) => refuse(context, 404, `There is no ${context.req.method} ${context.req.path}`));
  app.onError((_error, context) => refuse(context, 500, 'The monitor failed at this request'));

  app.use(createGuard({ token, isOpen: (path) => path === '/healthz' }));
  app.get('/healthz', (context) => {
    const connected = isConnected();
    return context.json({ ok: connected, broker_connected: connected }, connected ? 200 : 503);
  });

  app.get('/api/devices', (context) =>
    context.json({
      devices: roster.devices().map(deviceJson),
      bad_messages: roster.badMessages,
      refused_devices: roster.refusedDevices,
    }),
  );
  app.get('/api/devices/:fleet/:device', (context) => {
    const { fleet, device } = context.req.param();
    const record = roster.device(fleet, device);
    return record
      ? context.json(deviceJson(record))
      : refuse(context, 404, `There is no device ${fleet}/${device}`);
  });
  app.get('/api/swaps', (context) => context.json({ swaps: roster.swaps().map(swapRecordJson) }));

  app.use(
    '/api/devices/:fleet/:device/set/*',
    bodyLimit({
      maxSize: bodyBytesMax,
      onError: (context) => refuse(context, 413, `A command must have at most ${bodyBytesMax} bytes`),
    }),
  );
  app.post('/api/devices/:fleet/:device/set/:command', async (context) => {
    const { fleet, device, command: name } = context.req.param();
    // Not a type that a form of another site could send.
    if (!/^application\/json\b/i.test(context.req.header('content-type') ?? ''))
      return refuse(context, 415, 'Send the command as Content-Type: application/json');
    if (!commandNames.includes(name as CommandName))
      return refuse(context, 404, `There is no command ${name}: use one of ${commandNames.join(', ')}`);
    const request = decodeCommand(name, new Uint8Array(await context.req.arrayBuffer()));
    if (!request.ok) return refuse(context, 400, request.error);
    const record = roster.device(fleet, device);
    if (record === null) return refuse(context, 404, `There is no device ${fleet}/${device}`);
    if (record.state === 'offline') return refuse(context, 409, `Device ${fleet}/${device} is offline`);
    return sendCommand(context, { fleet, device, command: request.value.command });
  });

  async function sendCommand(context: Context, to: { fleet: string; device: string; command: Command }) {
    const result = await commander.send(to);
    switch (result.outcome) {
      case 'answered':
        return result.answer.ok ? context.json(result.answer) : refuse(context, 409, result.answer.error);
      case 'no-answer':
        return refuse(context, 504, `Device ${to.fleet}/${to.device} did not answer in time`);
      case 'not-sent':
        return refuse(context, 503, result.error);
    }
  }

  return app;
}
