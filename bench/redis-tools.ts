import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { BenchContext } from './benchmark.ts';

const execute = promisify(execFile);

/** What redis-benchmark found. */
export interface Measurement {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

export interface Workload {
  readonly command: 'set' | 'get' | 'incr';
  readonly clients: number;
  readonly pipeline: number;
  /** 256 unless said otherwise. */
  readonly valueBytes?: number;
  /** 100,000 unless said otherwise. */
  readonly keys?: number;
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
  ...['-t', workload.command, '-d', String(workload.valueBytes ?? VALUE_BYTES)],
  ...['-r', String(workload.keys ?? KEYS)],
  ...['-c', String(workload.clients), '-P', String(workload.pipeline)],
];

/** @throws when the server answers with an error, as one that does not lead any more does. */
export async function measure(
  port: number,
  workload: Workload,
  requests: number,
): Promise<Measurement> {
  const args = [...benchmarkArguments(port, workload), '-n', String(requests)];
  // One that is answered with an error may end with 1, or say so and end with 0.
  const { stdout, stderr } = await execute('redis-benchmark', args).catch(
    (error: { stdout: string; stderr: string }) => error,
  );
  const measurement = parseBenchmark(stdout.replaceAll('\r', '\n'));
  if (measurement === null) throw new Error(`redis-benchmark failed: ${stderr}${stdout}`);
  return measurement;
}

/** To find out how many requests a measurement of the wanted length takes. */
const CALIBRATION_REQUESTS = 2000;
/** Of the measurement before the first round: caches, the heap and the compiler get warm. */
const WARM_UP_SECONDS = 1;

/** @returns how many requests take about `seconds`. The server is warm then. */
export async function calibrate(
  port: number,
  workload: Workload,
  seconds: number,
): Promise<number> {
  const first = await measure(port, workload, CALIBRATION_REQUESTS);
  const enough = (speed: number, duration: number) =>
    Math.max(CALIBRATION_REQUESTS, Math.round(speed * duration));
  const second = await measure(port, workload, enough(first.perSecond, WARM_UP_SECONDS));
  return enough(second.perSecond, seconds);
}

/**
 * What redis-benchmark says at its end; null when it says nothing of the kind, because the server
 * answered with an error. Of its percentiles above 99 it prints only some: p99.9 is the first that
 * is at least that, 99.902 as a rule.
 */
export function parseBenchmark(text: string): Measurement | null {
  const perSecond = /throughput summary: ([\d.]+) requests/.exec(text)?.[1];
  const summary = /^ +avg +min +p50 +p95 +p99 +max\s+([\d. ]+)$/m.exec(text)?.[1];
  const [, , p50Ms, , p99Ms, maxMs] = summary?.trim().split(/ +/) ?? [];
  const p999Ms = [...text.matchAll(/^([\d.]+)% <= ([\d.]+) milliseconds/gm)].find(
    ([, percent]) => Number(percent) >= 99.9,
  )?.[2];
  const all = { perSecond, p50Ms, p99Ms, p999Ms, maxMs };
  if (Object.values(all).some((value) => value === undefined)) return null;
  return {
    perSecond: Number(perSecond),
    p50Ms: Number(p50Ms),
    p99Ms: Number(p99Ms),
    p999Ms: Number(p999Ms),
    maxMs: Number(maxMs),
  };
}

/** The flags that make one Redis promise what DKVS promises, but for replication. */
export const REDIS_FLAGS = [
  ...['--appendonly', 'yes', '--appendfsync', 'always'],
  ...['--save', '', '--auto-aof-rewrite-percentage', '0'],
];

export interface RedisServer {
  readonly port: number;
  readonly pid: number;
}

/** One unreplicated Redis on the same file system, until the run ends. */
export async function startRedis(context: BenchContext, port: number): Promise<RedisServer> {
  const redis = await spawnRedis(context, port);
  return { port, pid: redis.child.pid! };
}

/** A Redis that can be started again, on what it has written. */
export interface RedisProcess {
  /** The one that runs, or ran last. */
  readonly child: ChildProcess;
  /** After its end. */
  restart(): void;
}

/** @returns once it takes clients. */
export async function spawnRedis(
  { directory, onEnd }: BenchContext,
  port: number,
): Promise<RedisProcess> {
  const data = join(directory, 'redis');
  mkdirSync(data, { recursive: true });
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', data];
  const start = () => spawn('redis-server', [...place, ...REDIS_FLAGS], { stdio: 'ignore' });
  let child = start();
  onEnd(() => ended(child));
  for (let tries = 0; tries < 500; tries++) {
    if (await accepts(port)) {
      return {
        get child() {
          return child;
        },
        restart() {
          child = start();
        },
      };
    }
    await sleep(10);
  }
  throw new Error('redis-server did not start');
}

/** `used_memory`: what its allocator has handed out. */
export function redisUsedBytes(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    let text = '';
    socket.on('connect', () => socket.write('INFO memory\r\n'));
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      const found = /used_memory:(\d+)/.exec(text);
      if (found === null) return;
      resolve(Number(found[1]));
      socket.destroy();
    });
    socket.on('error', reject).on('close', () => reject(new Error('INFO memory: no answer')));
  });
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
