import { execFile, spawn } from 'node:child_process';
import type { BenchContext } from './benchmark.ts';
import { ended } from './redis-tools.ts';

const EVENT = 'instructions:u';

/** Whether perf counts instructions here: in most virtual machines it does not. */
export function canCountInstructions(): Promise<boolean> {
  return new Promise((resolve) => {
    execFile('perf', ['stat', '-x,', '-e', EVENT, 'true'], (error, _, stderr) => {
      resolve(error === null && parseInstructions(stderr) !== null);
    });
  });
}

/** Counts what these processes do in user space meanwhile: no clock and no neighbour changes it. */
export async function countInstructions<T>(
  { onEnd }: BenchContext,
  pids: readonly number[],
  task: () => Promise<T>,
): Promise<{ readonly result: T; readonly instructions: number | null }> {
  const args = ['stat', '-x,', '-e', EVENT, '-p', pids.join(',')];
  const perf = spawn('perf', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  onEnd(() => (perf.pid === undefined ? Promise.resolve() : ended(perf)));
  let said = '';
  perf.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  const gone = new Promise<void>((resolve) => {
    perf.on('close', () => resolve()).on('error', () => resolve());
  });
  const result = await task();
  perf.kill('SIGINT');
  await gone;
  return { result, instructions: parseInstructions(said) };
}

/** `123456,,instructions:u,…`; null where it is `<not supported>` or `<not counted>`. */
export function parseInstructions(text: string): number | null {
  const match = /^(\d+)(?:\.\d+)?,[^,]*,instructions/m.exec(text);
  return match === null ? null : Number(match[1]);
}
