import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openData } from '../../trainer/data/open-data.ts';
import { temporaryFolder } from '../temporary-folder.ts';

/** The spec of a file with this text. */
async function csv(text: string | Uint8Array, name = 'motor.csv'): Promise<string> {
  const path = join(await temporaryFolder(), name);
  await writeFile(path, text);
  return `csv:${path}`;
}

const unsplit = `current,volts,state\n${Array.from(
  { length: 20 },
  (_, i) => `${i},${-i / 4},${i % 4 === 0 ? 'stuck' : 'fine'}`,
).join('\n')}\n`;

describe('openData() of csv:FILE', () => {
  it('reads numbers, classes and splits', async () => {
    const data = await openData(
      await csv('\ufeffx,label,split,"y, z"\n1,b,train,-2.5e1\n3,a,train,.5\n\n5,a,test,4\r\n7,b,train,8\n'),
    );
    expect(data).toMatchObject({
      name: 'motor',
      labels: ['a', 'b'],
      height: 1,
      width: 1,
      channels: 2,
      scale: 1,
    });
    expect(data.augment).toEqual({ pad: 0, flip: false });
    expect(data.train).toEqual({
      inputs: Float32Array.of(1, -25, 3, 0.5, 7, 8),
      labels: Uint16Array.of(1, 0, 1),
      count: 3,
    });
    expect(data.test).toEqual({ inputs: Float32Array.of(5, 4), labels: Uint16Array.of(0), count: 1 });
    expect(data.mean[0]).toBeCloseTo(11 / 3, 12);
    expect(data.mean[1]).toBeCloseTo(-5.5, 12);
  });

  it('keeps every number to the precision of 32 bits', async () => {
    const numbers = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), {
      minLength: 1,
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(numbers, async (numbers) => {
        const rows = numbers.map((x) => `${x},a,train\n`).join('');
        const spec = await csv(`x,class,split\n${rows}0,a,test\n0,b,train\n0,b,train\n`);
        const { inputs } = (await openData(spec)).train;
        expect(Array.from(inputs)).toEqual([...numbers, 0, 0].map((x) => x + 0));
      }),
      { numRuns: 20 },
    );
  });

  it('finds the class in the last column where no other is called so, and the split by seed', async () => {
    const spec = await csv(unsplit);
    const data = await openData(spec);
    expect([data.labels, data.train.count, data.test.count]).toEqual([['fine', 'stuck'], 16, 4]);
    expect(data.test.labels.filter((label) => label === 1)).toHaveLength(1);
    const both = [...data.train.inputs, ...data.test.inputs].filter((_, i) => i % 2 === 0);
    expect(both.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(await openData(spec)).toEqual(data);
    expect((await openData(spec, { seed: 2 })).test).not.toEqual(data.test);
  });

  it('reads any line ends, also mixed, quoted last cells, blank rows and a byte order mark', async () => {
    const rows = (...ends: string[]) =>
      ['x,label', '1,a', '2,"b"', '3,a', '4,"b"'].map((row, i) => row + ends[i % ends.length]);
    const wanted = await openData(await csv(rows('\n').join('')));
    for (const text of [
      rows('\r\n').join(''),
      rows('\r').join(''),
      rows('\r\n', '\n', '\n', '\n', '\n').join(''),
      rows('\n', '\r\n').join(''),
      rows('\n', '\r', '\r\n').join(''),
      `\ufeff\r\n${rows('\r\n').join('')}   \r\n\t\n`,
      `${rows('\n').join('')} , \n,\n\n`,
      rows('\n').join('').trimEnd(),
    ])
      expect(await openData(await csv(text)), JSON.stringify(text)).toEqual(wanted);
    const utf16 = Buffer.from(`\ufeff${rows('\r\n').join('')}`.replaceAll(',', '\t'), 'utf16le');
    expect(await openData(await csv(utf16))).toEqual(wanted);
  });

  it('reads semicolons and tabs with decimal commas, and says which readings were taken', async () => {
    const wanted = await openData(await csv('x,y,label\n1.5,-2,a\n2.25,0,b\n3,1,a\n4,2,b\n'));
    const notes: string[] = [];
    const onNote = (line: string) => notes.push(line.replace(/"\/.*?"/, 'FILE'));
    const spec = await csv('x;y;label\r\n1,5;-2;a\r\n2,25;0;b\r\n;;\r\n3;1;a\r\n4;2;b\r\n');
    expect(await openData(spec, { onNote })).toEqual(wanted);
    expect(notes).toEqual([
      'columns of FILE are separated by semicolons',
      'numbers of FILE are read with a decimal comma: 1,5 is one and a half',
      'ignored 1 blank row of FILE',
    ]);
    expect(await openData(await csv('x\ty\tlabel\n1.5\t-2\ta\n2.25\t0\tb\n3\t1\ta\n4\t2\tb\n'))).toEqual(
      wanted,
    );
  });

  it('reads gzip', async () => {
    const plain = await openData(await csv(unsplit));
    expect(await openData(await csv(gzipSync(unsplit), 'motor.csv.gz'))).toEqual(plain);
    await expect(openData(await csv(gzipSync(unsplit).subarray(0, 50), 'motor.csv.gz'))).rejects.toThrow(
      /motor\.csv\.gz" as it must be a readable CSV file, packed by gzip: current error is Z_BUF_ERROR/,
    );
  });

  it('orders classes that are numbers by value', async () => {
    const rows = [10, 9, 2].flatMap((label) => [`1,${label}\n`, `2,${label}\n`]);
    expect((await openData(await csv(`x,y\n${rows.join('')}`))).labels).toEqual(['2', '9', '10']);
  });

  it.each([
    [
      'an empty cell',
      'x,label\n1,a\n,b\n',
      'line 3, column 1 ("x"), as no cell may be empty: current value is empty; fill it',
    ],
    ['no class', 'x,label\n1,a\n1, \n', 'line 3, column 2 ("label"), as no cell may be empty'],
    [
      'text for a number',
      'x,label\n1,a\nn/a,b\n',
      'line 3, column 1 ("x"), as it must be a decimal number that 32 bits hold: current value is "n/a"; correct it',
    ],
    ['an infinite number', 'x,label\n1e39,a\n', 'line 2, column 1 ("x"), as it must be a decimal number'],
    [
      'a row too short',
      'x,y,label\n1,2,a\n\n1,b\n',
      "line 4, column 3, as every row must have the header's 3 cells: current number is 2",
    ],
    [
      'a row too long',
      'x,label\n1,a,5\n',
      "line 2, column 3, as every row must have the header's 2 cells: current number is 3",
    ],
    [
      'one class',
      'x,label\n1,a\n2,a\n',
      'column 2 ("label"), as there must be two classes or more: current value is "a" alone',
    ],
    [
      'a class of one row',
      'x,label\n1,a\n2,b\n3,a\n',
      'a class must have two rows or more: current value is 1 row of "b", line 3; add rows',
    ],
    ['a header alone', 'x,label\n', 'current number of rows below the header is 0; add rows'],
    ['nothing', '', 'must hold a header row and rows of numbers'],
    [
      'a name twice',
      'x,label,x\n',
      'line 1, column 3, as column names must differ: current value is "x", as in column 1; rename',
    ],
    [
      'no header',
      '5.1,3.5,setosa\n4.9,3,setosa\n',
      'line 1, column 1, as the first row must name the columns: current value is "5.1"; put a header row',
    ],
    [
      'two columns of the class',
      'class,x,label\n',
      'current columns are "label" and "class"; rename or remove one',
    ],
    [
      'no column of numbers',
      'label,split\na,train\n',
      'there must be a column of the class and one or more of numbers',
    ],
    [
      'bars',
      'x|y|label\n1|2|a\n',
      'current columns are "x|y|label"; add columns, and separate them by commas',
    ],
    [
      'a decimal comma beside a decimal point',
      'x;y;label\n1.5;2;a\n1,234;2;b\n',
      'line 3, column 1 ("x"), as it must be a decimal number that 32 bits hold: current value is "1,234"',
    ],
    ['a comma in a quoted number', 'x,label\n"1,5",a\n', 'current value is "1,5"'],
    [
      'another split',
      'x,label,split\n1,a,dev\n',
      'line 2, column 3 ("split"), as it must be train or test: current value is "dev"',
    ],
    [
      'no test rows',
      'x,label,split\n1,a,train\n1,a,train\n1,b,train\n1,b,train\n',
      'its test split must hold samples',
    ],
    [
      'a class in the test split alone',
      'x,label,split\n1,a,train\n1,a,train\n1,b,test\n1,b,test\n',
      'two classes or more: current value is "a" alone',
    ],
    [
      'an open quote',
      'x,label\n"1,a\n2,b\n',
      'must be a readable CSV file: current error is CSV_QUOTE_NOT_CLOSED',
    ],
  ])('refuses %s and says where and how to mend it', async (_, text, message) => {
    await expect(openData(await csv(text))).rejects.toThrow(message);
  });

  it('names a file that is not there', async () => {
    await expect(openData('csv:/nowhere/x.csv')).rejects.toThrow(
      'Cannot read CSV file "/nowhere/x.csv" as it must be a readable CSV file: current error is ENOENT',
    );
  });
});
