import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { missingTool } from '../tools.ts';
import { DKVS, type Program } from './cluster.ts';

/** What a process asked of the kernel. Times are in microseconds, on one clock for all processes. */
export interface Syscall {
  readonly name: string;
  /** What the descriptor stands for: a path, or `TCP:[host:port->host:port]`, local end first. */
  readonly target: string;
  /** What it hands over; for writes, what was taken of it. */
  readonly bytes: Buffer;
  readonly result: number;
  /** Seen before the kernel does anything. */
  readonly startedUs: number;
  /** Seen before the process learns of it. */
  readonly returnedUs: number;
}

/** Whatever can put bytes on a disk or into a socket. */
const TRACED =
  'write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendmmsg,sendfile,splice,' +
  'fsync,fdatasync,sync_file_range,io_uring_enter';
const STRING_BYTES_MAX = 64 * 1024;

/** False when processes can be traced here, else the reason to skip. */
export function missingStrace(): string | false {
  const missing = missingTool('strace');
  if (missing !== false) return missing;
  const probe = spawnSync('strace', ['-f', '--seccomp-bpf', '-o', '/dev/null', 'true']);
  return probe.status === 0 ? false : `strace can't trace here: ${probe.stderr}`;
}

/** Runs `dkvs` under strace, as a child of its own: the tracer is out of the way of signals. */
export function traced(file: string, ...more: readonly string[]): Program {
  const quietly = ['-D', '-f', '--seccomp-bpf', '-e', 'signal=none'];
  const fully = ['-ttt', '-T', '-yy', '-xx', '-s', String(STRING_BYTES_MAX)];
  return ['strace', ...quietly, ...fully, '-e', `trace=${TRACED}`, ...more, '-o', file, ...DKVS];
}

/** `1234  1795351310.49 name(` … `) = 5 <0.000103>` */
const WHOLE = /^(\d+) +(\d+)\.(\d{6}) (\w+)\((.*)\) += (-?\d+|\?)[^<]*(?:<(\d+)\.(\d{6})>)?$/;
const UNFINISHED = /^(\d+) +(\d+\.\d{6} \w+\(.*?),? <unfinished \.\.\.>$/;
const RESUMED = /^(\d+) +(\d+)\.(\d{6}) <\.\.\. \w+ resumed>,? ?(.*)$/;
const DESCRIPTOR = /^\d+<((?:->|[^>])*)>/;

/** The system calls in a file that `traced` has written, in the order in which they started. */
export function readTrace(file: string): Syscall[] {
  const unfinished = new Map<string, string>();
  const calls: Syscall[] = [];
  for (const line of readFileSync(file, 'latin1').split('\n')) {
    const begun = UNFINISHED.exec(line);
    if (begun !== null) {
      unfinished.set(begun[1]!, begun[2]!);
      continue;
    }
    const resumed = RESUMED.exec(line);
    if (resumed === null) {
      pushCall(calls, line, null);
      continue;
    }
    const [, thread, seconds, micros, rest] = resumed;
    const start = unfinished.get(thread!);
    assert.ok(start !== undefined, `resumed what was never begun: ${line.slice(0, 200)}`);
    pushCall(calls, `${thread} ${start}${rest}`, microseconds(seconds!, micros!));
  }
  return calls.sort((a, b) => a.startedUs - b.startedUs);
}

function pushCall(calls: Syscall[], line: string, returnedUs: number | null): void {
  const match = WHOLE.exec(line);
  // The end of a thread, or of the process in the middle of a call.
  if (match === null || match[6] === '?') return;
  const [, , seconds, micros, name, args, result, tookSeconds, tookMicros] = match;
  const startedUs = microseconds(seconds!, micros!);
  const bytes = [...args!.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, text]) => bytesOf(text!));
  const count = Number(result);
  const isWrite = name!.includes('write') || name!.startsWith('send');
  const target = DESCRIPTOR.exec(args!)?.[1] ?? '';
  calls.push({
    name: name!,
    target: target.startsWith('\\x') ? bytesOf(target).toString() : target,
    bytes: isWrite ? Buffer.concat(bytes).subarray(0, Math.max(0, count)) : Buffer.concat(bytes),
    result: count,
    startedUs,
    returnedUs: returnedUs ?? startedUs + microseconds(tookSeconds ?? '0', tookMicros ?? '0'),
  });
}

const microseconds = (seconds: string, micros: string) => Number(seconds) * 1e6 + Number(micros);

const bytesOf = (text: string) => Buffer.from(text.replaceAll('\\x', ''), 'hex');
