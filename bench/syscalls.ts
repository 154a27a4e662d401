import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchContext } from './benchmark.ts';
import { ended } from './redis-tools.ts';

/** How often each system call was made, the most frequent first. */
export type SyscallCounts = readonly (readonly [name: string, calls: number])[];

const ATTACH_MS = 10_000;

/**
 * Counts the system calls of these processes, all their threads, while `task` runs. To be traced
 * slows a process down severalfold: nothing else that is measured meanwhile means anything.
 * @returns null for all where there is no strace, or it may not trace.
 */
export async function countSyscalls<T>(
  context: BenchContext,
  pids: readonly number[],
  task: () => Promise<T>,
): Promise<{ readonly result: T; readonly counts: readonly SyscallCounts[] | null }> {
  const tracers = await Promise.all(pids.map((pid) => attach(context, pid)));
  const result = await task();
  const ends = await Promise.all(tracers.map((tracer) => tracer?.end() ?? null));
  const counts = ends.filter((one) => one !== null);
  return { result, counts: counts.length === pids.length ? counts : null };
}

interface Tracer {
  end(): Promise<SyscallCounts>;
}

async function attach({ directory, onEnd }: BenchContext, pid: number): Promise<Tracer | null> {
  const file = join(directory, `strace-${pid}`);
  const args = ['-f', '-c', '-o', file, '-p', String(pid)];
  const tracer = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  const failed = new Promise<'failed'>((resolve) => {
    tracer.on('error', () => resolve('failed')).on('exit', () => resolve('failed'));
  });
  const attached = new Promise<'attached'>((resolve) => {
    tracer.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
      if (/attached/.test(said)) resolve('attached');
    });
  });
  // A tracer that is killed lets go of what it traces.
  onEnd(() => (tracer.pid === undefined ? Promise.resolve() : ended(tracer)));
  const outcome = await Promise.race([failed, attached, sleep(ATTACH_MS)]);
  if (outcome !== 'attached') return null;
  return {
    async end() {
      tracer.kill('SIGINT');
      await failed;
      return parseSyscalls(readFileSync(file, 'latin1'));
    },
  };
}

/** `% time  seconds  usecs/call  calls  [errors]  syscall`, and a line for the total. */
export function parseSyscalls(text: string): SyscallCounts {
  return text
    .split('\n')
    .map((line) => /^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$/.exec(line))
    .filter((match) => match !== null && match[2] !== 'total')
    .map((match) => [match![2]!, Number(match![1])] as const)
    .toSorted((a, b) => b[1] - a[1]);
}
