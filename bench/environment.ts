import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  fdatasyncSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { percentile } from './statistics.ts';

/** Where a benchmark ran: without it a number says nothing. */
export interface Environment {
  readonly date: string;
  readonly commit: string;
  readonly node: string;
  readonly cores: number;
  readonly processor: string;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly fileSystem: string;
  /** Processes that wanted to run in the minute before: well above 0, others used the machine. */
  readonly loadAverage: number;
  /** One write of 4 KiB in the data directory and its fdatasync, into allocated space, in ms. */
  readonly syncP50Ms: number;
  readonly syncP99Ms: number;
}

export function environmentOf(directory: string): Environment {
  const syncs = measureSyncs(directory);
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    commit: commitOf(),
    node: process.versions.node,
    cores: cpus().length,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: `${type()} ${release()}`,
    fileSystem: fileSystemOf(directory),
    loadAverage: loadavg()[0]!,
    syncP50Ms: percentile(syncs, 50),
    syncP99Ms: percentile(syncs, 99),
  };
}

export function environmentLines(environment: Environment): readonly string[] {
  const { date, commit, node, cores, processor, memoryGib, kernel, fileSystem } = environment;
  const load = `load ${environment.loadAverage.toFixed(1)} before`;
  const syncs = `${environment.syncP50Ms.toFixed(2)} ms, p99 ${environment.syncP99Ms.toFixed(2)} ms`;
  return [
    `${date} UTC, commit ${commit}, Node ${node}`,
    `${cores} cores (${processor}), ${memoryGib} GiB, ${kernel}; ${load}`,
    `${fileSystem}; a write of 4 KiB and its fdatasync: p50 ${syncs}`,
  ];
}

const SYNCS = 200;
const BLOCK_BYTES = 4096;

/** What the disk is worth right now: most of what a write costs. */
function measureSyncs(directory: string): readonly number[] {
  const path = join(directory, 'sync-probe');
  const block = new Uint8Array(BLOCK_BYTES).fill(0x5a);
  const file = openSync(path, constants.O_CREAT | constants.O_TRUNC | constants.O_RDWR);
  try {
    for (let i = 0; i < SYNCS; i++) writeSync(file, block, 0, BLOCK_BYTES, i * BLOCK_BYTES);
    fdatasyncSync(file);
    return Array.from({ length: SYNCS }, (_, i) => {
      const begunAtMs = performance.now();
      writeSync(file, block, 0, BLOCK_BYTES, i * BLOCK_BYTES);
      fdatasyncSync(file);
      return performance.now() - begunAtMs;
    });
  } finally {
    closeSync(file);
    rmSync(path);
  }
}

/** The type of the file system that holds it, from the longest mount point above it (Linux). */
function fileSystemOf(directory: string): string {
  try {
    const mounts = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' '))
      .filter(([, point]) => point !== undefined && isBelow(directory, point))
      .toSorted((a, b) => b[1]!.length - a[1]!.length);
    const fileSystem = mounts[0]?.[2] ?? 'unknown file system';
    return fileSystem === 'tmpfs' ? 'tmpfs (memory: a sync costs nothing here)' : fileSystem;
  } catch {
    return 'unknown file system';
  }
}

const isBelow = (path: string, point: string): boolean =>
  path === point || path.startsWith(point.endsWith('/') ? point : `${point}/`);

function commitOf(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const isChanged = git('status', '--porcelain', '--untracked-files=no', 'src', 'bench') !== '';
    return git('rev-parse', '--short', 'HEAD') + (isChanged ? ' with changes' : '');
  } catch {
    return 'unknown';
  }
}
