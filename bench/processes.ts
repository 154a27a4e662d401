import { readFileSync } from 'node:fs';
import { median } from './statistics.ts';

/** What a process has used since it began, all its threads together (Linux). */
export interface ProcessFigures {
  readonly userMs: number;
  readonly systemMs: number;
  /** System calls that read and that write: files, and sockets too, with the same calls in Node. */
  readonly reads: number;
  readonly writes: number;
  /**
   * By those that write, to files and sockets. (Not `write_bytes`, which pretends to be what the
   * disk took: it counts whole folios, and on Linux 6.18, in a file that was written in pieces of a
   * MiB, each write of 4 KiB counts as a MiB.)
   */
  readonly writtenBytes: number;
}

/** The kernel counts processor time in hundredths of a second, whatever its own tick is. */
const CLOCK_TICK_MS = 10;

/** @throws when the process is gone, or this is not Linux. */
export function processFigures(pid: number): ProcessFigures {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const io = readFileSync(`/proc/${pid}/io`, 'latin1');
  return { ...parseStat(stat), ...parseIo(io) };
}

/** `1234 (a name) S 1 …`: the 14th and 15th field; a name may hold blanks and brackets. */
export function parseStat(text: string): Pick<ProcessFigures, 'userMs' | 'systemMs'> {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    userMs: Number(fields[11]) * CLOCK_TICK_MS,
    systemMs: Number(fields[12]) * CLOCK_TICK_MS,
  };
}

export function parseIo(text: string): Omit<ProcessFigures, 'userMs' | 'systemMs'> {
  const field = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1]);
  return { reads: field('syscr'), writes: field('syscw'), writtenBytes: field('wchar') };
}

export function used(before: ProcessFigures, after: ProcessFigures): ProcessFigures {
  return {
    userMs: after.userMs - before.userMs,
    systemMs: after.systemMs - before.systemMs,
    reads: after.reads - before.reads,
    writes: after.writes - before.writes,
    writtenBytes: after.writtenBytes - before.writtenBytes,
  };
}

export const cpuMs = ({ userMs, systemMs }: ProcessFigures): number => userMs + systemMs;

/** What a task cost these processes, each by itself. */
export async function costOf<T>(
  pids: readonly number[],
  task: () => Promise<T>,
): Promise<{ readonly result: T; readonly costs: readonly ProcessFigures[] }> {
  const before = pids.map(processFigures);
  const result = await task();
  return { result, costs: pids.map((pid, i) => used(before[i]!, processFigures(pid))) };
}

/** Resident memory in bytes. @throws when the process is gone, or this is not Linux. */
export function residentBytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(text)![1]) * 1024;
}

/** Field by field. */
export function medianFigures(all: readonly ProcessFigures[]): ProcessFigures {
  const of = (field: keyof ProcessFigures) => median(all.map((figures) => figures[field]));
  return {
    userMs: of('userMs'),
    systemMs: of('systemMs'),
    reads: of('reads'),
    writes: of('writes'),
    writtenBytes: of('writtenBytes'),
  };
}
