import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { commandRecordBytes } from '../src/kv/command.ts';
import type { BenchContext } from './benchmark.ts';
import { ended } from './redis-tools.ts';

const PROGRAM = fileURLToPath(new URL('./floor-process.js', import.meta.url));

/** A part of a write in a process of its own: see floor-process.ts. */
export interface Floor {
  readonly pid: number;
  /** 0 where it has none. */
  readonly port: number;
}

export interface DiskFloor {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

/** What a SET of a key of 16 bytes takes in our log. */
export function recordBytesOf(valueBytes: number): number {
  return commandRecordBytes({
    kind: 'set',
    key: new Uint8Array(16),
    value: new Uint8Array(valueBytes),
    condition: 'none',
    comparand: new Uint8Array(0),
    get: false,
  });
}

/** Answers +OK to every command: on node:net, or as our servers do it. */
export async function startAnswering(
  context: BenchContext,
  port: number,
  network: 'answer' | 'answer-net',
): Promise<Floor> {
  const { child } = await start(context, [network, String(port)]);
  return { pid: child.pid!, port };
}

/** Answers +OK once the bytes of a command are durable in one file. */
export async function startLogging(
  context: BenchContext,
  port: number,
  valueBytes: number,
): Promise<Floor> {
  const file = join(context.directory, 'floor-log');
  const { child } = await start(context, [
    'log',
    String(port),
    file,
    `${recordBytesOf(valueBytes)}`,
  ]);
  return { pid: child.pid!, port };
}

/** One batch of `commands` SETs after the other: a write and its fdatasync. */
export async function measureDisk(
  context: BenchContext,
  commands: number,
  valueBytes: number,
  seconds: number,
): Promise<DiskFloor> {
  const batchBytes = commands * recordBytesOf(valueBytes);
  const file = join(context.directory, 'floor-disk');
  const { output, child } = await start(context, ['disk', file, `${batchBytes}`, `${seconds}`]);
  await new Promise((resolve) => child.once('close', resolve));
  return JSON.parse(output().split('\n')[1]!);
}

/** @returns once it has said that it is ready. */
function start(
  { onEnd }: BenchContext,
  args: readonly string[],
): Promise<{ child: ChildProcessByStdio<Writable, Readable, null>; output: () => string }> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  onEnd(() => ended(child));
  let output = '';
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`the floor ${args[0]} ended with ${code}`)));
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
      if (output.startsWith('ready\n')) resolve({ child, output: () => output });
    });
  });
}
