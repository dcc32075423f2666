import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { projectRoot } from '../../project-root.ts';
import { temporaryFolder } from '../../temporary-folder.ts';
import { put } from './write-tree.ts';

/** A machine's files and what its tools print, as test/fixtures/boards/*.yaml hold them. */
export type Board = {
  /** `info` is what /proc/cpuinfo tells of each CPU that is on, `end` what follows them all. */
  cpu: { count: number; info: string; end?: string };
  /** Of each CPU in /proc/stat, now and a quarter of a second later: user, nice, system, idle, iowait. */
  ticks: [now: number[], later: number[]];
  /** Microseconds that some task has waited for the CPU, now and later; absent where the kernel has no pressure files. */
  pressure?: [now: number, later: number];
  /** By path; `cpu[0-3]` stands for four. A line break is added where there is neither that nor a NUL at the end. */
  files: Record<string, string | number>;
  /** Those that have changed a quarter of a second later. */
  later?: Record<string, string | number>;
  /** Files that are there and cannot be read: folders stand in for them, which fail as root, too. */
  unreadable?: string[];
  /** What commands print, by command line. */
  commands?: Record<string, string>;
  node: string;
  /** Instruction sets of the sparse engine's native kernels; none: they are not built. */
  kernels: string[];
  /** Of onnxruntime; false: its libraries are not there. */
  providers: Record<string, boolean>;
};

export const boardNames = [
  'raspberry-pi-4',
  'raspberry-pi-5',
  'jetson-nano',
  'jetson-xavier-nx',
  'jetson-orin-nano',
  'laptop',
  'workstation',
];

export function readBoard(name: string): Board {
  return parse(readFileSync(join(projectRoot, 'test/fixtures/boards', `${name}.yaml`), 'utf8')) as Board;
}

/** `a[0-2]b` is `a0b`, `a1b`, `a2b`. */
export function expandPath(path: string): string[] {
  const [, before = '', first, last, after = ''] = /^(.*?)\[(\d+)-(\d+)\](.*)$/.exec(path) ?? [];
  if (first === undefined) return [path];
  return Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) =>
    expandPath(`${before}${Number(first) + index}${after}`),
  ).flat();
}

function cpuInfo({ cpu: { count, info, end = '' } }: Board): string {
  return `${Array.from({ length: count }, (_, index) => `processor\t: ${index}\n${info}\n`).join('')}${end}`;
}

function procStat({ cpu: { count } }: Board, ticks: number[]): string {
  const line = (name: string, times: number) =>
    `${name} ${ticks.map((value) => value * times).join(' ')} 0 0 0 0 0\n`;
  const each = Array.from({ length: count }, (_, index) => line(`cpu${index}`, 1));
  return `${line('cpu ', count)}${each.join('')}intr 12345678 0 9\nctxt 23456789\nbtime 1762941785\n`;
}

function pressure(totalUs: number): string {
  const calm = 'avg10=0.00 avg60=0.00 avg300=0.00';
  return `some avg10=0.40 avg60=0.31 avg300=0.20 total=${totalUs}\nfull ${calm} total=0\n`;
}

async function putAll(root: string, files: Record<string, string | number>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const text = String(content);
    for (const one of expandPath(path)) await put(root, one, /[\n\0]$/.test(text) ? text : `${text}\n`);
  }
}

/** Writes a board's tree. @returns its root. */
export async function writeBoard(name: string, root?: string): Promise<string> {
  const folder = root ?? (await temporaryFolder());
  const board = readBoard(name);
  const { files, unreadable = [], commands = {} } = board;
  await putAll(folder, {
    'proc/cpuinfo': cpuInfo(board),
    'proc/stat': procStat(board, board.ticks[0]),
    ...(board.pressure
      ? { 'proc/pressure/cpu': pressure(board.pressure[0]), 'proc/pressure/memory': pressure(120_240) }
      : {}),
    ...files,
  });
  for (const path of unreadable.flatMap(expandPath)) await mkdir(join(folder, path), { recursive: true });
  for (const [line, text] of Object.entries(commands))
    await put(folder, join('commands', line.replaceAll('/', '_')), text);
  return folder;
}

/** What has changed in a board's tree a quarter of a second later. */
export async function writeLater(name: string, root: string): Promise<void> {
  const board = readBoard(name);
  await putAll(root, {
    'proc/stat': procStat(board, board.ticks[1]),
    ...(board.pressure ? { 'proc/pressure/cpu': pressure(board.pressure[1]) } : {}),
    ...board.later,
  });
}

/** `node dist/test/agent/sense/write-board.js DIR` writes all of them below DIR, for `ebb doctor --root` and `ebb lab bench sensors --root`. */
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , folder = 'boards'] = process.argv;
  for (const name of boardNames) process.stdout.write(`${await writeBoard(name, join(folder, name))}\n`);
}
