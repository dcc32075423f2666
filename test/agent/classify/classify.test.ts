import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { type Classified, classifyFiles } from '../../../agent/classify/classify-files.ts';
import { imageReader } from '../../../agent/classify/image-input.ts';
import { readNames } from '../../../agent/classify/read-names.ts';
import { watchFolder } from '../../../agent/classify/watch-folder.ts';
import { loadDecoder } from '../../../bundle/image/decode-image.ts';
import { temporaryFolder } from '../../temporary-folder.ts';
import { recordLog } from '../../wire/brokers.ts';
import { tinyManifest } from '../fake-engine.ts';

const png = (channels: 3 | 4, width: number, height: number, background: object) =>
  sharp({ create: { width, height, channels, background } }).png().toBuffer();

async function* names(...all: string[]): AsyncGenerator<string> {
  yield* all;
}

/** Answers with the logits that `read` made of a file. */
const echo = {
  infer: async (input: Float32Array) => ({ output: input, level: 1, inferMs: 1, queueMs: 0 }),
};

it('an image becomes what the net was trained on: its size, grey, scaled and centred', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'red.png');
  await writeFile(path, await png(3, 20, 30, { r: 255, g: 0, b: 0 }));
  const input = await imageReader(tinyManifest, await loadDecoder())(path);
  expect(input).toHaveLength(64);
  // Luma of red is 76 of 255; the manifest has mean 0.5 and deviation 0.25.
  expect(new Set(Array.from(input, (value) => value.toFixed(4)))).toEqual(
    new Set([((76 / 255 - 0.5) / 0.25).toFixed(4)]),
  );
});

it('a net that takes no images is named, with what it takes', () => {
  const vectors = {
    name: 'motor',
    input: { ...tinyManifest.input, layout: 'NC' as const, shape: ['batch', 12] as ['batch', number] },
  };
  expect(() =>
    imageReader(vectors, async () => ({ height: 1, width: 1, pixels: new Uint8Array(3) })),
  ).toThrow(/"motor" .* must be images .* NC \[batch, 12\]/);
});

it('outcomes come in the order of the names, and a file that fails costs no other', async () => {
  const told: Classified[] = [];
  const counts = await classifyFiles({
    files: names('slow', 'broken', 'quick'),
    agent: echo,
    read: async (path) => {
      if (path === 'broken') throw new Error('no image');
      if (path === 'slow') await new Promise((resolve) => setTimeout(resolve, 10));
      return path === 'slow' ? Float32Array.of(0, 0) : Float32Array.of(0, 1000);
    },
    labels: ['cat', 'dog'],
    tell: (outcome) => told.push(outcome),
    monotonicMs: () => 5,
  });
  expect(counts).toEqual({ classified: 2, failed: 1 });
  expect(told).toEqual([
    { file: 'slow', label: 'cat', confidence: 0.5, level: 1, latencyMs: 0 },
    { file: 'broken', error: 'no image' },
    { file: 'quick', label: 'dog', confidence: 1, level: 1, latencyMs: 0 },
  ]);
});

it('at most two files are read at a time, however many there are', async () => {
  let reading = 0;
  let most = 0;
  await classifyFiles({
    files: names(...Array.from({ length: 20 }, (_, i) => String(i))),
    agent: echo,
    read: async () => {
      reading += 1;
      most = Math.max(most, reading);
      await new Promise((resolve) => setImmediate(resolve));
      reading -= 1;
      return Float32Array.of(1);
    },
    labels: ['a'],
    tell: () => {},
  });
  expect(most).toBe(2);
});

async function namesOf(
  chunks: (string | Buffer)[],
  { there = [], nul = false }: { there?: string[]; nul?: boolean } = {},
) {
  const names: string[] = [];
  const notes: string[] = [];
  const options = {
    nul,
    exists: (path: string) => there.includes(path),
    onNote: (line: string) => notes.push(line),
  };
  const { signal } = new AbortController();
  for await (const name of readNames(Readable.from(chunks), signal, options)) names.push(name);
  return { names, notes };
}

it('names come from a stream, a line each, and only its end ends one', async () => {
  const text = '\ufeffa.png\r\n\n b .jpg \n  \nc\u2028d\re.png\nl\u00e4st.png';
  const names = ['a.png', ' b .jpg ', 'c\u2028d\re.png', 'l\u00e4st.png'];
  const bytes = Buffer.from(text);
  expect((await namesOf([bytes], { there: names })).names).toEqual(names);
  expect(
    (
      await namesOf(
        [...bytes].map((byte) => Buffer.of(byte)),
        { there: names },
      )
    ).names,
  ).toEqual(names);
});

it('of two readings of a name the one that is there is taken, and said', async () => {
  expect(await namesOf([' a.png\n'], { there: ['a.png'] })).toEqual({
    names: ['a.png'],
    notes: ['"a.png" is taken, as there is no " a.png"'],
  });
  expect(await namesOf(['a.png \n'], { there: ['a.png', 'a.png '] })).toEqual({
    names: ['a.png '],
    notes: ['"a.png " is taken, though "a.png" is there too'],
  });
  expect((await namesOf(['a.png\r\n'], { there: ['a.png\r'] })).names).toEqual(['a.png\r']);
  expect((await namesOf(['a.png\r\n'])).names).toEqual(['a.png']);
});

it('names may end with NUL and hold newlines', async () => {
  expect((await namesOf(['a\nb.png\0', ' c.png\0d.png'], { nul: true })).names).toEqual([
    'a\nb.png',
    ' c.png',
    'd.png',
  ]);
});

it('a watched folder tells of images that come, once they are whole, and of nothing else', async () => {
  const folder = await temporaryFolder();
  const seen: string[] = [];
  const stopping = new AbortController();
  const log = recordLog();
  await writeFile(join(folder, 'there-before.png'), 'x');
  await mkdir(join(folder, 'deep'));
  const watching = (async () => {
    for await (const name of watchFolder(folder, { signal: stopping.signal, log })) {
      seen.push(name);
      if (new Set(seen).size === 2) stopping.abort();
    }
  })();
  // The watcher tells not when it has begun: what comes again and again is seen at last.
  const writing = setInterval(async () => {
    await writeFile(join(folder, 'notes.txt'), 'x');
    await writeFile(join(folder, '.hidden.png'), 'x');
    await writeFile(join(folder, 'deep', 'one.JPG'), 'x');
    await writeFile(join(folder, 'moved.tmp'), 'x');
    await rename(join(folder, 'moved.tmp'), join(folder, 'last.png'));
  }, 700);
  await watching;
  clearInterval(writing);
  expect(log.lines[0]?.text).toMatch(
    /watching ".*" and its folders for new JPEG and PNG files .*; 1 that are there already/,
  );
  expect([...new Set(seen)].sort()).toEqual(
    [join(folder, 'deep', 'one.JPG'), join(folder, 'last.png')].sort(),
  );
}, 30_000);

it('a folder that is not there cannot be watched', async () => {
  const folder = watchFolder('/no/such/folder', { signal: new AbortController().signal, log: recordLog() });
  await expect(folder.next()).rejects.toThrow(/must be a folder: there is none/);
});
