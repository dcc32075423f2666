import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { type DecodeOptions, loadDecoder } from '../../bundle/image/decode-image.ts';
import { temporaryFolder } from '../temporary-folder.ts';

async function decode(bytes: Uint8Array, options?: DecodeOptions, name = 'image.jpg') {
  const path = join(await temporaryFolder(), name);
  await writeFile(path, bytes);
  return (await loadDecoder())(path, options);
}

/** An image of 3 x 2 grey blocks, 0 to 200, as a camera stores it. */
const stored = [
  [0, 40, 80],
  [120, 160, 200],
];
const side = 16;
const blocks = () => {
  const pixels = Buffer.alloc(3 * side * 2 * side * 3);
  for (let i = 0; i < pixels.length; i += 1) {
    const pixel = Math.floor(i / 3);
    const row = Math.floor(pixel / (3 * side));
    pixels[i] = stored[Math.floor(row / side)]![Math.floor((pixel % (3 * side)) / side)]!;
  }
  return sharp(pixels, { raw: { width: 3 * side, height: 2 * side, channels: 3 } });
};

/** What stands upright, by orientation: Exif 2.32, section 4.6.4. */
const upright: Record<number, number[][]> = {
  1: stored,
  2: [
    [80, 40, 0],
    [200, 160, 120],
  ],
  3: [
    [200, 160, 120],
    [80, 40, 0],
  ],
  4: [
    [120, 160, 200],
    [0, 40, 80],
  ],
  5: [
    [0, 120],
    [40, 160],
    [80, 200],
  ],
  6: [
    [120, 0],
    [160, 40],
    [200, 80],
  ],
  7: [
    [200, 80],
    [160, 40],
    [120, 0],
  ],
  8: [
    [80, 200],
    [40, 160],
    [0, 120],
  ],
};

describe('the decoder of images', () => {
  for (const format of ['jpeg', 'png'] as const)
    it(`turns a ${format} upright by each of the 8 EXIF orientations, at its own size and scaled`, async () => {
      for (const [orientation, wanted] of Object.entries(upright)) {
        const bytes = await blocks()
          .withMetadata({ orientation: Number(orientation) })
          .toFormat(format, { quality: 100 })
          .toBuffer();
        const [height, width] = [wanted.length, wanted[0]!.length];
        const whole = await decode(bytes);
        expect([whole.height, whole.width]).toEqual([height * side, width * side]);
        const middle = (row: number, column: number) =>
          whole.pixels[3 * ((row * side + side / 2) * width * side + column * side + side / 2)]!;
        const scaled = await decode(bytes, { size: { height, width } });
        expect([scaled.height, scaled.width]).toEqual([height, width]);
        wanted.forEach((values, row) => {
          values.forEach((value, column) => {
            expect(Math.abs(middle(row, column) - value)).toBeLessThanOrEqual(2);
            // Scaling mixes in some of the neighbours.
            expect(Math.abs(scaled.pixels[3 * (row * width + column)]! - value)).toBeLessThanOrEqual(16);
          });
        });
      }
    });

  it('gives 3 channels of 8 bits whatever is stored', async () => {
    const colour = sharp({
      create: { width: 8, height: 8, channels: 3, background: { r: 200, g: 100, b: 50 } },
    });
    const half = sharp({
      create: { width: 8, height: 8, channels: 4, background: { r: 200, g: 100, b: 50, alpha: 0.5 } },
    });
    const stored: [string, Sharp, number[]][] = [
      ['progressive JPEG', colour.clone().jpeg({ progressive: true }), [200, 100, 50]],
      ['CMYK JPEG', colour.clone().toColourspace('cmyk').jpeg({ quality: 100 }), [200, 100, 50]],
      ['interlaced PNG', colour.clone().png({ progressive: true }), [200, 100, 50]],
      ['palette PNG', colour.clone().png({ palette: true }), [200, 100, 50]],
      ['16-bit PNG', colour.clone().toColourspace('rgb16').png(), [200, 100, 50]],
      ['grey PNG', colour.clone().toColourspace('b-w').png(), [128, 128, 128]],
      ['16-bit grey PNG', colour.clone().toColourspace('grey16').png(), [128, 128, 128]],
      ['PNG with alpha', half.clone().png(), [100, 50, 25]],
      ['palette PNG with alpha', half.clone().png({ palette: true }), [100, 50, 25]],
      ['grey PNG with alpha', half.clone().toColourspace('b-w').png(), [64, 64, 64]],
      ['16-bit PNG with alpha', half.clone().toColourspace('rgb16').png(), [100, 50, 25]],
      ['Display P3', colour.clone().withIccProfile('p3').jpeg({ quality: 100 }), [200, 100, 50]],
    ];
    for (const [name, image, wanted] of stored) {
      const bytes = await image.toBuffer();
      for (const options of [undefined, { size: { height: 4, width: 4 } }]) {
        const { height, width, pixels } = await decode(bytes, options);
        expect(pixels.length, name).toBe(height * width * 3);
        const worst = Math.max(...wanted.map((value, c) => Math.abs(pixels[c]! - value)));
        expect(worst, `${name}: ${pixels.subarray(0, 3)}`).toBeLessThanOrEqual(
          name.startsWith('CMYK') ? 32 : 4,
        );
      }
    }
  });

  it('accepts what browsers accept, and refuses a file that ends before its picture', async () => {
    const noise = Uint8Array.from({ length: 48 * 32 * 3 }, (_, i) => (i * 97) % 256);
    const jpeg = await sharp(noise, { raw: { width: 48, height: 32, channels: 3 } })
      .jpeg()
      .toBuffer();
    const whole = await decode(jpeg);
    const tables = jpeg.indexOf(Buffer.from([0xff, 0xdb]));
    const extraneous = Buffer.concat([jpeg.subarray(0, tables), Buffer.of(1, 2, 3), jpeg.subarray(tables)]);
    // With the default of sharp this one is refused: "3 extraneous bytes before marker 0xdb".
    await expect(sharp(extraneous).raw().toBuffer()).rejects.toThrow('extraneous');
    for (const benign of [extraneous, Buffer.concat([jpeg, Buffer.from('what a camera appends')])])
      expect(await decode(benign)).toEqual(whole);
    await expect(decode(jpeg.subarray(0, jpeg.length / 2))).rejects.toThrow(
      /premature end of JPEG image"; save it anew, or/,
    );
    await expect(decode(Buffer.alloc(0))).rejects.toThrow('the file is empty');
  });

  it('decodes 48 megapixels at reduced scale, and names the limit if a picture must be whole', async () => {
    const colour = { create: { width: 8000, height: 6000, channels: 3 as const, background: '#c86432' } };
    const large = await sharp(colour).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const { pixels, ...size } = await decode(large, { size: { height: 4, width: 3 } });
    expect(size).toEqual({ height: 4, width: 3 });
    for (const [c, value] of [200, 100, 50].entries())
      expect(Math.abs(pixels[c]! - value)).toBeLessThanOrEqual(2);
    await expect(decode(large)).rejects.toThrow(
      /and 16777216 pixels at most: current error is "it has 8000 x 6000 pixels"; save it anew, smaller, or remove it/,
    );
    // A header alone: the pixels of such a file would fill gigabytes.
    const header = await sharp({ create: { ...colour.create, width: 8, height: 8 } })
      .png()
      .toBuffer();
    const claim = (width: number, height: number, interlace: number) => {
      const claimed = Buffer.from(header);
      claimed.writeUInt32BE(width, 16);
      claimed.writeUInt32BE(height, 20);
      claimed[28] = interlace;
      claimed.writeUInt32BE(crc32(claimed.subarray(12, 29)), 29);
      return decode(claimed, { size: { height: 4, width: 4 } });
    };
    await expect(claim(30_000, 30_000, 0)).rejects.toThrow(
      /268435456 pixels at most: .* 30000 x 30000 pixels/,
    );
    await expect(claim(16_000, 16_000, 1)).rejects.toThrow(
      /134217728 pixels at most: .* 16000 x 16000 pixels/,
    );
  });
});

/** Of a PNG's chunk. `zlib.crc32` wants Node 20.15. */
function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
