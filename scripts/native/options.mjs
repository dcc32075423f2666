import { parseArgs } from 'node:util';

export const usage = `ebb setup --native [options]   (in a clone also: npm run setup:native -- [options])

Installs @tensorflow/tfjs-node with TensorFlow's library into .native/, for "ebb train --backend node".

  --from download   only with libtensorflow and addon from storage.googleapis.com
  --from wheel      only with the library of TensorFlow's Python wheel (pip) and an addon that is compiled here
                    default: the first, and where it fails the second
  --minutes N       time limit of the first way (default: 5)
  --remove          deletes .native/
  --help
`;

/** What was asked for, or in `wrong` what cannot be. */
export function readOptions(args = process.argv.slice(2)) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        from: { type: 'string' },
        minutes: { type: 'string', default: '5' },
        remove: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
    const minutes = Number(values.minutes);
    if (![undefined, 'download', 'wheel'].includes(values.from))
      throw new Error(`Cannot use --from as it must be download or wheel: current value is ${values.from}`);
    if (!(minutes > 0 && minutes <= 24 * 60))
      throw new Error(
        `Cannot use --minutes as it must be above 0 and at most 1440: current value is ${values.minutes}`,
      );
    return { ...values, minutes };
  } catch (error) {
    return { wrong: error.message };
  }
}
