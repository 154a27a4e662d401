import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { BenchContext } from './benchmark.ts';

const execute = promisify(execFile);

/** One line of `redis-benchmark --csv`. */
export interface Measurement {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface Workload {
  readonly command: 'set' | 'get' | 'incr';
  readonly clients: number;
  readonly pipeline: number;
}

export const VALUE_BYTES = 256;
export const KEYS = 100_000;

/** Null when they are here, else what is missing. */
export async function missingRedisTools(programs: readonly string[]): Promise<string | null> {
  for (const program of programs) {
    const isHere = await execute(program, ['--version']).then(
      () => true,
      () => false,
    );
    if (!isHere) return `${program} is not installed (apt-get install redis-server redis-tools)`;
  }
  return null;
}

export const benchmarkArguments = (port: number, workload: Workload): string[] => [
  ...['-h', '127.0.0.1', '-p', String(port)],
  ...['-t', workload.command, '-d', String(VALUE_BYTES), '-r', String(KEYS)],
  ...['-c', String(workload.clients), '-P', String(workload.pipeline)],
];

/** @throws when the server answers with an error, as one that does not lead any more does. */
export async function measure(
  port: number,
  workload: Workload,
  requests: number,
): Promise<Measurement> {
  const args = [...benchmarkArguments(port, workload), '-n', String(requests), '--csv'];
  const { stdout, stderr } = await execute('redis-benchmark', args);
  const measurement = parseCsv(stdout);
  if (measurement === null) throw new Error(`redis-benchmark failed: ${stdout}${stderr}`);
  return measurement;
}

/** The last line of the CSV; null when there is none, because the server answered with an error. */
export function parseCsv(text: string): Measurement | null {
  const rows = text
    .split('\n')
    .filter((line) => line.startsWith('"'))
    .map((line) => line.split(',').map((cell) => cell.replaceAll('"', '')));
  const [head, values] = [rows[0] ?? [], rows.at(-1) ?? []];
  const cell = (name: string) => Number(values[head.indexOf(name)]);
  const measurement = {
    perSecond: cell('rps'),
    p50Ms: cell('p50_latency_ms'),
    p99Ms: cell('p99_latency_ms'),
    maxMs: cell('max_latency_ms'),
  };
  return Object.values(measurement).every(Number.isFinite) ? measurement : null;
}

/** The flags that make one Redis promise what DKVS promises, but for replication. */
export const REDIS_FLAGS = [
  ...['--appendonly', 'yes', '--appendfsync', 'always'],
  ...['--save', '', '--auto-aof-rewrite-percentage', '0'],
];

/** One unreplicated Redis on the same file system, until the run ends. */
export async function startRedis({ directory, onEnd }: BenchContext, port: number): Promise<void> {
  const data = join(directory, 'redis');
  mkdirSync(data, { recursive: true });
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', data];
  const server = spawn('redis-server', [...place, ...REDIS_FLAGS], { stdio: 'ignore' });
  onEnd(() => ended(server));
  for (let tries = 0; tries < 500; tries++) {
    if (await accepts(port)) return;
    await sleep(10);
  }
  throw new Error('redis-server did not start');
}

/** SIGKILL: what it wrote is thrown away. */
export function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    child.on('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}
