import { Command, Option } from 'commander';
import { readBundle } from '../bundle/read-bundle.ts';
import { readToken, requireToken } from '../listen/token.ts';
import { interruptSignal } from '../terminal/interrupt.ts';
import { positiveNumber, wholeNumber } from '../terminal/number-option.ts';
import { snakeJson } from '../terminal/snake-json.ts';
import { asUsage } from '../terminal/usage-error.ts';
import { openAgent } from './agent.ts';
import { createLog } from './create-log.ts';
import { engineOption } from './engine-option.ts';
import { loadProfile } from './profile/load-profile.ts';
import { applyFlags, type ProfileFlags } from './profile-options.ts';

type RunFlags = ProfileFlags & {
  profile: string;
  cache?: string;
  recalibrate?: boolean;
  json?: boolean;
};

const examples = `
Examples:
  ebb run runs/shapes/bundle --profile x86
  ebb run runs/shapes/bundle --profile raspberry-pi-5 --broker mqtt://192.168.1.2 --http 127.0.0.1:0 --json
  ebb run runs/shapes/bundle --profile x86 --policy fixed --level 0

Ask it over the Open Inference Protocol, version 2:
  curl http://127.0.0.1:8080/v2/models/NAME/infer -d \\
    '{"inputs":[{"name":"image","shape":[1,1,2,2],"datatype":"FP32","data":[0,0,0,0]}]}'

The log goes to standard error (EBB_LOG=debug tells every decision). With --json standard output carries one
JSON object a line: {"event":"listening","http":URL,...}, {"event":"swap","from":0,"to":1,"reason":...}.`;

/** How long after an orderly stop something may still hold the process: a sensor's read that hangs, a socket. */
const lingerMs = 200;

async function run(bundleDir: string, flags: RunFlags): Promise<void> {
  const profile = applyFlags(await loadProfile(flags.profile), flags);
  const token = await readToken({ file: profile.http.tokenFile });
  asUsage(() => requireToken('the HTTP server', profile.http, token));
  const bundle = await readBundle(bundleDir);
  const log = createLog();
  const interrupted = interruptSignal();
  // Whoever reads standard output may be gone: the agent serves on.
  process.stdout.on('error', () => {});
  const say = (event: Record<string, unknown>) => process.stdout.write(`${snakeJson(event)}\n`);
  const agent = openAgent({
    bundle,
    profile,
    log,
    token,
    recalibrate: flags.recalibrate ?? false,
    ...(flags.cache === undefined ? {} : { cacheDir: flags.cache }),
    onSwap: (swap) => {
      if (flags.json) say({ event: 'swap', ...swap });
    },
  });
  const over = new Promise<void>((resolve) => {
    interrupted.addEventListener('abort', () => resolve(agent.stop()), { once: true });
  });
  try {
    const { url } = await agent.start();
    const { name } = bundle.manifest;
    if (flags.json)
      say({ event: 'listening', http: url, model: name, level: agent.level, deadlineMs: profile.deadlineMs });
    else
      process.stdout.write(
        `serving "${name}" at ${url}/v2/models/${encodeURIComponent(name)}, level ${agent.level} of 0..${bundle.manifest.levels.length - 1}, deadline ${profile.deadlineMs} ms\n`,
      );
  } catch (error) {
    if (!interrupted.aborted) throw error;
  }
  const lost = await Promise.race([over, agent.ended]);
  if (lost && !interrupted.aborted) {
    // Whoever supervises the process (systemd, Docker) starts it anew.
    await agent.stop();
    process.exitCode = 1;
  }
  log.info({}, 'stopped');
  setTimeout(() => process.exit(), lingerMs).unref();
}

export function command(): Command {
  return new Command('run')
    .argument('<bundle>', 'folder that "ebb train" wrote')
    .requiredOption('--profile <name>', 'device profile: a name (x86, raspberry-pi-5, ...) or a YAML file')
    .option('--broker <url>', 'MQTT broker to report to, such as mqtt://127.0.0.1:1883')
    .option('--http <host:port>', 'address to serve on; port 0 takes any free one')
    .option('--device <name>', "name in the broker's topics; default: the host's")
    .option('--fleet <name>', "the fleet's name in the broker's topics")
    .addOption(new Option('--policy <name>', 'how the level is chosen').choices(['deadline', 'fixed']))
    .option('--level <n>', 'the level that policy fixed holds', wholeNumber(0))
    .option('--deadline-ms <n>', 'deadline of a request', positiveNumber)
    .addOption(engineOption())
    .option('--batch <n>', 'inputs in one run of the calibration', wholeNumber(1))
    .option('--recalibrate', 'measure the levels although a calibration is cached')
    .option('--cache <dir>', 'where calibrations are kept; default: $XDG_CACHE_HOME/ebb or ~/.cache/ebb')
    .option('--token-file <file>', 'file with the bearer token that clients must send; default: EBB_TOKEN')
    .option('--json', 'print events as JSON lines')
    .addHelpText('after', examples)
    .action(run);
}
