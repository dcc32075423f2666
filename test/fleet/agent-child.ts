// A tiny agent, to be killed: node agent-child.js URL DEVICE
import { createReporter } from '../../agent/report/reporter.ts';
import { recordLog } from '../wire/brokers.ts';
import { info, telemetry } from '../wire/samples.ts';

const [url = '', device = ''] = process.argv.slice(2);
const reporter = createReporter({
  url,
  fleet: 'f',
  device,
  info,
  onCommand: async () => ({ ok: true }),
  log: recordLog(),
  keepaliveS: 2,
});
await reporter.start();
setInterval(() => reporter.publishTelemetry({ ...telemetry, windowS: 0.1 }), 100);
