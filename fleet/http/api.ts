import { type Context, Hono } from 'hono';
import { createGuard } from '../../listen/guard.ts';
import { readPlainBody } from '../../listen/inflate-body.ts';
import { RequestError } from '../../listen/request-error.ts';
import { type Command, decodeCommand } from '../../wire/command.ts';
import { type CommandName, commandNames } from '../../wire/topics.ts';
import type { Clock } from '../clock.ts';
import type { Commander } from '../commander.ts';
import { deviceJson, swapRecordJson } from '../fleet-json.ts';
import type { Roster } from '../roster.ts';

const bodyLimit = { limitBytes: 16 * 1024, cure: 'a command needs far less' };

/** The monitor over HTTP: state as JSON, and commands to devices. The guard stands before all but `/healthz`. */
export function createApi(options: {
  roster: Roster;
  clock: Pick<Clock, 'wallMs'>;
  commander: Pick<Commander, 'send'>;
  isConnected: () => boolean;
  token: string | undefined;
}): Hono {
  const { roster, commander, isConnected, token } = options;
  const { wallMs } = options.clock;
  const app = new Hono();
  const refuse = (context: Context, status: RequestError['status'] | 409 | 500 | 504, error: string) =>
    context.json({ error }, status);

  app.notFound((context) => refuse(context, 404, `There is no ${context.req.method} ${context.req.path}`));
  app.onError((error, context) =>
    error instanceof RequestError
      ? refuse(context, error.status, error.message)
      : refuse(context, 500, 'The monitor failed at this request'),
  );

  app.use(createGuard({ token, isOpen: (path) => path === '/healthz' }));
  app.get('/healthz', (context) => {
    const connected = isConnected();
    return context.json({ ok: connected, broker_connected: connected }, connected ? 200 : 503);
  });

  app.get('/api/devices', (context) =>
    context.json({
      devices: roster.devices().map((record) => deviceJson(record, wallMs)),
      bad_messages: roster.badMessages,
      refused_devices: roster.refusedDevices,
    }),
  );
  app.get('/api/devices/:fleet/:device', (context) => {
    const { fleet, device } = context.req.param();
    const record = roster.device(fleet, device);
    return record
      ? context.json(deviceJson(record, wallMs))
      : refuse(context, 404, `There is no device ${fleet}/${device}`);
  });
  app.get('/api/swaps', (context) =>
    context.json({ swaps: roster.swaps().map((record) => swapRecordJson(record, wallMs)) }),
  );

  app.post('/api/devices/:fleet/:device/set/:command', async (context) => {
    const { fleet, device, command: name } = context.req.param();
    if (!commandNames.includes(name as CommandName))
      return refuse(context, 404, `There is no command ${name}: use one of ${commandNames.join(', ')}`);
    const request = decodeCommand(name, await readPlainBody(context, bodyLimit));
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
