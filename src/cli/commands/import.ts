import { createReadStream } from 'node:fs';
import { installNodeNative } from '../../node/native.ts';
import { Importer } from '../backup/importer.ts';
import { linesOf } from '../backup/lines.ts';
import { counted } from '../backup/texts.ts';
import type { CliCommand } from '../command.ts';
import { nodeOptions, withClient } from '../connect.ts';
import { CliError, ExitCode, usageError } from '../exit.ts';
import type { Io } from '../io.ts';
import { jsonOption } from '../output.ts';

const PROGRESS_MS = 200;

export const importCommand: CliCommand = {
  name: 'import',
  group: 'cluster',
  summary: 'Sets keys from lines of JSON, as dkvs export prints them.',
  usage: '[FILE] [--nx]',
  description: [
    'Each line is an object: {"key":…,"value":…}; "key64" and "value64" hold base64. Every line is a',
    'SET, acknowledged, many under way at a time; of two lines with one key the later one wins. It is',
    'no transaction: others see the keys come one by one.',
    'It stops at the first line that it can not read, or that is refused, names it, and says how many',
    'were acknowledged: nothing behind a line that it can not read is sent. An answer that is lost is',
    'asked for again by setting the key again, which is harmless unless somebody else writes it too.',
    'With --nx, keys that are there keep their values.',
  ],
  examples: ['dkvs import all.jsonl', 'dkvs import all.jsonl --nx', 'dkvs export | dkvs import'],
  options: [
    ...nodeOptions,
    { name: 'nx', kind: 'flag', placeholder: '', summary: 'keep what is there' },
    jsonOption,
  ],
  async run({ settings, positionals }, io) {
    const [file = '-', ...more] = positionals;
    if (more.length > 0) throw usageError('name one file', 'usage: dkvs import FILE');
    installNodeNative();
    const chunks = file === '-' ? io.input.chunks() : chunksOf(file);
    return await withClient(settings, async (client) => {
      const importer = new Importer(client, settings.flag('nx'));
      await run(importer, chunks, io);
      const { set, kept, unsure } = importer.counts;
      if (settings.flag('json')) {
        io.stdout.write(`${JSON.stringify({ set, kept, unsure })}\n`);
      } else {
        io.stderr.write(`${summaryOf(importer)}\n`);
      }
      return ExitCode.Ok;
    });
  },
};

async function run(importer: Importer, chunks: AsyncIterable<Uint8Array>, io: Io): Promise<void> {
  const progress = new Progress(importer, io);
  let release = () => {};
  const stopped = new Promise<null>((resolve) => {
    release = io.onStop(() => resolve(null));
  });
  try {
    const lines = linesOf(chunks);
    for (let last = 0; ; ) {
      // Standard input may be silent for ever.
      const next = await Promise.race([lines.next(), stopped]);
      if (next === null) throw new CliError(ExitCode.Other, `interrupted behind line ${last}`);
      if (next.done === true) break;
      const { number, text } = next.value;
      await importer.take(text, number);
      progress.show();
      last = number;
    }
    await importer.end();
  } catch (error) {
    await importer.settle();
    throw withCounts(error, importer);
  } finally {
    progress.end();
    release();
  }
}

/** An error tells what was done before it. */
function withCounts(error: unknown, importer: Importer): unknown {
  if (!(error instanceof CliError)) return error;
  const hint = error.hint === '' ? '' : `; ${error.hint}`;
  return new CliError(error.exitCode, error.message, `${summaryOf(importer)}${hint}`);
}

function summaryOf({ counts: { set, kept, unsure } }: Importer): string {
  const parts = [`${counted(set, 'key')} set`];
  if (kept > 0) parts.push(`${kept} kept, as they were there`);
  if (unsure > 0) parts.push(`${unsure} there after a lost answer: with the new value or the old`);
  return parts.join(', ');
}

async function* chunksOf(file: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(file)) yield chunk as Uint8Array;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw usageError(`${file} can't be read: ${(error as Error).message}`);
  }
}

class Progress {
  private readonly importer: Importer;
  private readonly io: Io;
  private shownMs = Number.NEGATIVE_INFINITY;
  private isShown = false;

  constructor(importer: Importer, io: Io) {
    this.importer = importer;
    this.io = io;
  }

  show(): void {
    const nowMs = performance.now();
    if (!this.io.stderr.isTty || nowMs - this.shownMs < PROGRESS_MS) return;
    this.shownMs = nowMs;
    this.isShown = true;
    this.io.stderr.write(`\r\x1b[K${this.importer.done} keys`);
  }

  end(): void {
    if (this.isShown) this.io.stderr.write('\r\x1b[K');
  }
}
