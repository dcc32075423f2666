import { Command, Option } from 'commander';
import { readToken, requireToken } from '../listen/token.ts';
import { onHangUp } from '../terminal/hang-up.ts';
import { interruptSignal } from '../terminal/interrupt.ts';
import { positiveNumber, wholeNumber } from '../terminal/number-option.ts';
import { requireFolder } from '../terminal/output-path.ts';
import { snakeJson } from '../terminal/snake-json.ts';
import { asUsage, UsageError } from '../terminal/usage-error.ts';
import { tellOutcomes } from './classify/tell-outcomes.ts';
import { collectHere } from './collect-here.ts';
import { createAgent } from './create-agent.ts';
import { createLog, type LogFormat, logFormats } from './create-log.ts';
import { engineOption } from './engine-option.ts';
import { explainCommand } from './explain-command.ts';
import { requireFixedLevel } from './host/host-bundle.ts';
import { createNotifier } from './notify-systemd.ts';
import { loadProfile } from './profile/load-profile.ts';
import { readProfileBundle } from './profile/profile-bundle.ts';
import { profileJsonSchema } from './profile/profile-keys.ts';
import { applyFlags, type ProfileFlags } from './profile-options.ts';
import { readBrokerFiles } from './report/state-reporter.ts';

type RunFlags = ProfileFlags & {
  profile?: string;
  /** True where no name was given. */
  explainProfile?: string | true;
  profileSchema?: boolean;
  watch?: string;
  stdin?: boolean;
  null?: boolean;
  cache?: string;
  recalibrate?: boolean;
  log: LogFormat;
  json?: boolean;
};

const examples = `
Examples:
  ebb run runs/shapes/bundle --profile x86
  ebb run runs/shapes/bundle --profile raspberry-pi-5 --broker mqtt://192.168.1.2 --http 127.0.0.1:0 --json
  ebb run runs/shapes/bundle --profile x86 --broker mqtts://broker.local --ca ca.pem --cert me.pem --key me.key
  ebb run runs/shapes/bundle --profile x86 --policy fixed --level 0
  ebb run runs/shapes/bundle --profile x86 --watch /var/spool/camera
  ls *.png | ebb run runs/shapes/bundle --profile x86 --stdin --json
  ebb run --explain-profile raspberry-pi-5         # every key: what it may be, what it is, and why
  ebb run --profile-schema > profile.schema.json   # for editors

Ask it over the Open Inference Protocol, version 2:
  curl http://127.0.0.1:8080/v2/models/NAME/infer -d \\
    '{"inputs":[{"name":"image","shape":[1,1,2,2],"datatype":"FP32","data":[0,0,0,0]}]}'

The log goes to standard error, as text or with --log json as JSON lines (EBB_LOG=debug tells every decision). With --json standard output carries one
JSON object a line: {"event":"listening","http":URL,...}, {"event":"swap","from":0,"to":1,"reason":...}.
With --watch and --stdin it prints an outcome a line, and serves HTTP only where --http is given; status 1 where a file failed.
SIGHUP reads profile and bundle again: what can change at once does, the log says what needs a restart; another bundle takes
over between two requests.`;

/** Prints what was asked about profiles. @returns false where nothing was. */
async function tellOfProfiles(flags: RunFlags): Promise<boolean> {
  const { explainProfile, json = false } = flags;
  if (flags.profileSchema) process.stdout.write(`${JSON.stringify(profileJsonSchema(), null, 2)}\n`);
  else if (explainProfile !== undefined) {
    const name = explainProfile === true ? flags.profile : explainProfile;
    process.stdout.write(`${await explainCommand(name, { flags, json })}\n`);
  } else return false;
  return true;
}

async function run(bundleDir: string | undefined, flags: RunFlags): Promise<void> {
  if (await tellOfProfiles(flags)) return;
  const { profile: name } = flags;
  if (bundleDir === undefined || name === undefined)
    throw new UsageError(
      'Cannot run as a bundle and --profile must be given, such as "ebb run runs/shapes/bundle --profile x86"',
    );
  const load = async () => applyFlags(await loadProfile(name), flags);
  const profile = await load();
  const token = await readToken({ file: profile.http.tokenFile });
  asUsage(() => requireToken('the HTTP server', profile.http, token));
  // Here, so that a wrong file shows before any work.
  readBrokerFiles(profile);
  if (flags.watch !== undefined) await requireFolder('--watch', flags.watch);
  const read = () => readProfileBundle(profile, bundleDir);
  const bundle = await read();
  asUsage(() => requireFixedLevel(profile, bundle.manifest));
  const classifies = flags.watch !== undefined || flags.stdin === true;
  const log = createLog({ format: flags.log });
  collectHere();
  const interrupted = interruptSignal();
  // Whoever reads standard output may be gone: the agent serves on.
  process.stdout.on('error', () => {});
  const say = (event: Record<string, unknown>) => process.stdout.write(`${snakeJson(event)}\n`);
  const agent = createAgent({
    bundle,
    profile,
    reloadProfile: load,
    reloadBundle: read,
    // Who classifies files asks for no server, unless it is named.
    http: !classifies || flags.http !== undefined,
    log,
    token,
    recalibrate: flags.recalibrate ?? false,
    ...(flags.cache === undefined ? {} : { cacheDir: flags.cache }),
    onSwap: (swap) => {
      if (flags.json) say({ event: 'swap', ...swap });
    },
    onReload: ({ atOnce, afterRestart }) => {
      if (flags.json) say({ event: 'reload', atOnce, afterRestart });
    },
  });
  const notifier = createNotifier({ log });
  const over = new Promise<void>((resolve) => {
    const stop = () => {
      notifier.stopping();
      resolve(agent.stop());
    };
    interrupted.addEventListener('abort', stop, { once: true });
  });
  const started = agent.start();
  // What comes of it is in the log.
  onHangUp(() => {
    started
      .then(() => agent.reload())
      .catch(() => {})
      .then(() => agent.reloadBundle())
      .catch(() => {});
  });
  // A source of images ends with the agent, whatever ended that.
  const gone = new AbortController();
  void agent.ended.then((reason) => gone.abort(reason));
  try {
    const { url } = await started;
    notifier.ready();
    const { name: model } = bundle.manifest;
    if (classifies) {
      const { failed } = await tellOutcomes({
        agent,
        manifest: bundle.manifest,
        source: flags,
        isJson: flags.json ?? false,
        signal: AbortSignal.any([interrupted, gone.signal]),
        log,
      });
      if (gone.signal.aborted && !interrupted.aborted) throw gone.signal.reason;
      await agent.stop();
      if (failed > 0) process.exitCode = 1;
    } else if (flags.json)
      say({ event: 'listening', http: url, model, level: agent.level, deadlineMs: profile.deadlineMs });
    else
      process.stdout.write(
        `serving "${model}" at ${url}/v2/models/${encodeURIComponent(model)}, level ${agent.level} of 0..${bundle.manifest.levels.length - 1}, deadline ${profile.deadlineMs} ms\n`,
      );
  } catch (error) {
    if (!interrupted.aborted) {
      notifier.stopping();
      await agent.stop();
      throw error;
    }
  }
  const lost = await Promise.race([over, agent.ended]);
  if (lost && !interrupted.aborted && !classifies) {
    // Whoever supervises the process (systemd, Docker) starts it anew.
    await agent.stop();
    process.exitCode = 1;
  }
  log.info({}, 'stopped');
}

export function command(): Command {
  return new Command('run')
    .argument('[bundle]', 'folder that "ebb train" wrote')
    .option('--profile <name>', 'device profile: a name (x86, raspberry-pi-5, ...) or a YAML file; required')
    .option(
      '--explain-profile [name]',
      'print every key of a profile, its value, where it comes from, its meaning',
    )
    .option('--profile-schema', 'print the JSON Schema of profiles, for editors')
    .option('--broker <url>', 'MQTT broker to report to, such as mqtt://127.0.0.1:1883')
    .option('--ca <file>', 'PEM of the authority that signed the certificate of --broker (mqtts, wss)')
    .option('--cert <file>', 'PEM of the client certificate for --broker')
    .option('--key <file>', 'PEM of the key of --cert')
    .option('--http <host:port>', 'address to serve on; port 0 takes any free one')
    .option('--device <name>', "name in the broker's topics; default: the host's")
    .option('--fleet <name>', "the fleet's name in the broker's topics")
    .addOption(new Option('--policy <name>', 'how the level is chosen').choices(['deadline', 'fixed']))
    .option('--level <n>', 'the level that policy fixed holds', wholeNumber(0))
    .option('--deadline-ms <n>', 'deadline of a request', positiveNumber)
    .addOption(engineOption())
    .option('--batch <n>', 'inputs in one run of the calibration', wholeNumber(1))
    .option('--recalibrate', 'measure the levels although a calibration is cached')
    .addOption(
      new Option('--watch <folder>', 'classify JPEG and PNG images as they come into a folder').conflicts(
        'stdin',
      ),
    )
    .option('--stdin', 'classify the images whose paths standard input names, a line each, and end with it')
    .option('-0, --null', 'with --stdin: each path ends with NUL, as "find -print0" writes it')
    .option('--cache <dir>', 'where calibrations are kept; default: $XDG_CACHE_HOME/ebb or ~/.cache/ebb')
    .option('--token-file <file>', 'file with the bearer token that clients must send; default: EBB_TOKEN')
    .option('--json', 'print events as JSON lines')
    .addOption(
      new Option('--log <format>', 'what the log on standard error is: lines for people, or JSON')
        .choices(logFormats)
        .default('text'),
    )
    .addHelpText('after', examples)
    .action(run);
}
