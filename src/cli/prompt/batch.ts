import { byteString, concatBytes } from '../../base/bytes.ts';
import { splitInline } from '../../protocol/inline.ts';
import { CliError, ExitCode, usageError } from '../exit.ts';
import { asCliError } from '../failure.ts';
import type { Io } from '../io.ts';
import { formatReply } from '../output.ts';
import { report } from '../report.ts';
import { isDotCommand, isLeaving, runDotCommand } from './dot-commands.ts';
import type { Session } from './session.ts';

const LF = 0x0a;
const CR = 0x0d;
const NEWLINE = new Uint8Array([LF]);
const LINE_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Runs commands from a pipe or a file, one a line, one after the other; every one of them, whatever
 * became of those before it.
 * @returns the exit code of the first that failed. (That there is no such key is no failure, but an
 *   answer: an empty line.)
 */
export async function runBatch(session: Session, io: Io): Promise<ExitCode> {
  let code: ExitCode = ExitCode.Ok;
  let number = 0;
  const interruption = new AbortController();
  const release = io.onStop(() => interruption.abort());
  try {
    for await (const line of lines(io.input.chunks())) {
      number++;
      if (interruption.signal.aborted) break;
      const outcome = await runLine(session, io, line, number, interruption.signal);
      if (outcome === 'leave') return code;
      if (code === ExitCode.Ok) code = outcome;
    }
  } finally {
    release();
  }
  return code === ExitCode.Ok && interruption.signal.aborted ? ExitCode.Other : code;
}

async function runLine(
  session: Session,
  io: Io,
  line: Uint8Array,
  number: number,
  signal: AbortSignal,
): Promise<ExitCode | 'leave'> {
  try {
    const words = splitInline(line);
    if (words === null) throw usageError('unbalanced quotes');
    if (words.length === 0) return ExitCode.Ok;
    const first = byteString(words[0]!);
    if (isLeaving(first)) return 'leave';
    if (isDotCommand(first)) {
      const texts = words.map((word) => byteString(word));
      await runDotCommand(session, texts, io);
      return ExitCode.Ok;
    }
    const startedMs = performance.now();
    const printed = formatReply(await session.run(words, signal), session.format);
    // One line for each command, so that whoever reads them knows which is which.
    io.stdout.write(printed.length === 0 ? NEWLINE : printed);
    if (session.isTimed) {
      io.stderr.write(`line ${number}: ${(performance.now() - startedMs).toFixed(1)} ms\n`);
    }
    return ExitCode.Ok;
  } catch (error) {
    return report(asCliError(error), io, session.format === 'json', `line ${number}`);
  }
}

/** Lines without their ends. @throws CliError when one is longer than any command. */
async function* lines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, from)) {
      yield withoutReturn(concatBytes([...parts, chunk.subarray(from, at)]));
      parts = [];
      length = 0;
      from = at + 1;
    }
    parts.push(chunk.subarray(from));
    length += chunk.length - from;
    if (length > LINE_BYTES_MAX) {
      throw new CliError(ExitCode.Usage, `a line is longer than ${LINE_BYTES_MAX} bytes`);
    }
  }
  if (length > 0) yield withoutReturn(concatBytes(parts));
}

const withoutReturn = (line: Uint8Array): Uint8Array => {
  return line.at(-1) === CR ? line.subarray(0, -1) : line;
};
