import { setTimeout as sleep } from 'node:timers/promises';
import { unreachable } from '../../base/assert.ts';
import { installNodeNative } from '../../node/native.ts';
import { describeDamage } from '../../storage/damage.ts';
import { DiskError } from '../../storage/disk.ts';
import { type InspectItem, inspect } from '../../storage/inspect.ts';
import type { CliCommand } from '../command.ts';
import { CliError, ExitCode, usageError } from '../exit.ts';
import { type Io, paint } from '../io.ts';
import type { Settings } from '../settings.ts';
import { didYouMean } from '../suggest.ts';
import { runAccept } from '../wal/accept.ts';
import { describe, describeJson } from '../wal/describe.ts';
import { openToRead, type ReadableDirectory } from '../wal/directory.ts';
import { type Report, verify } from '../wal/verdict.ts';

const ACTIONS = ['dump', 'verify', 'accept'];
const INDEX_MAX = Number.MAX_SAFE_INTEGER;
/** Written out in pieces of this many characters: a log may have millions of lines. */
const OUTPUT_CHARS = 64 * 1024;
/** Looks at the directory of a running node, whose last batch may be half written. */
const LOOKS_MAX = 3;
const LOOK_AGAIN_MS = 100;

export const walCommand: CliCommand = {
  name: 'wal',
  group: 'tools',
  summary: 'Reads the log in a data directory, without a node.',
  usage: 'dump DIR [--from INDEX] [--to INDEX] | verify DIR | accept DIR --data-loss',
  description: [
    'dump lists what lies there: hard state, snapshots, segments, batches (what one fsync made',
    'durable), and their entries. With --json: one object a line.',
    'verify checks every checksum, and says what a start would make of the directory. Exits with 0',
    'when it would go on: with all of it, or cutting off a torn tail, which nobody was promised.',
    'Exits with 1 when something that may have been promised is damaged: it says what, and where.',
    'Both may be used while the node runs: then the end of the log is in motion.',
    'accept makes a suspect, whose log had rotted, a full member again without the others: the way',
    'out when too few sound ones are left for a majority. The price is data: docs/suspect-mode.md.',
  ],
  examples: [
    'dkvs wal verify ./dkvs-data/n1',
    'dkvs wal dump ./dkvs-data/n1',
    'dkvs wal dump ./dkvs-data/n1 --from 100 --to 120 --json',
  ],
  options: [
    { name: 'from', kind: 'count', placeholder: 'INDEX', summary: 'the first entry to list' },
    { name: 'to', kind: 'count', placeholder: 'INDEX', summary: 'the last entry to list' },
    { name: 'data-loss', kind: 'flag', placeholder: '', summary: 'accept: yes, I pay the price' },
    { name: 'json', kind: 'flag', placeholder: '', summary: 'print JSON, a stable contract' },
  ],
  actions: ACTIONS,
  async run({ settings, positionals }, io) {
    const [action = '', directory, ...more] = positionals;
    if (!ACTIONS.includes(action)) {
      const hint = didYouMean(action, ACTIONS) || 'usage: dkvs wal dump DIR, dkvs wal verify DIR';
      throw usageError(`wal does ${ACTIONS.join(', ')}, not ${JSON.stringify(action)}`, hint);
    }
    if (directory === undefined || more.length > 0) {
      throw usageError('name one data directory', `usage: dkvs wal ${action} DIR`);
    }
    installNodeNative();
    try {
      if (action === 'accept') return runAccept(directory, settings.flag('data-loss'), io);
      const opened = openToRead(directory);
      if (action === 'verify') return await runVerify(directory, opened, settings, io);
      return runDump(opened, settings, io);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      throw new CliError(ExitCode.Other, `${directory} can't be read: ${error.message}`);
    }
  },
};

function runDump({ disk, runningPid }: ReadableDirectory, settings: Settings, io: Io): number {
  const show = settings.flag('json') ? describeJson : describe;
  if (runningPid !== null) {
    io.stderr.write(`process ${runningPid} runs on it: the end of the log may be in motion\n`);
  }
  let text = '';
  let code: ExitCode = ExitCode.Ok;
  for (const item of inRange(inspect(disk), rangeOf(settings))) {
    if (FAULTS.includes(item.kind)) code = ExitCode.Other;
    text += `${show(item)}\n`;
    if (text.length < OUTPUT_CHARS) continue;
    io.stdout.write(text);
    text = '';
  }
  io.stdout.write(text);
  return code;
}

/** What a start would not simply go on with. */
const FAULTS: readonly InspectItem['kind'][] = ['rot', 'refusal', 'bad-entry', 'bad-snapshot'];

interface Range {
  readonly from: number;
  readonly to: number;
}

/** Null: all of it. */
function rangeOf(settings: Settings): Range | null {
  if (!settings.has('from') && !settings.has('to')) return null;
  const from = settings.has('from') ? settings.count('from', 1, INDEX_MAX) : 1;
  const to = settings.has('to') ? settings.count('to', 1, INDEX_MAX) : INDEX_MAX;
  if (from > to) throw usageError(`--from ${from} is behind --to ${to}`);
  return { from, to };
}

/** The entries (and cuts) of a range, each behind the segment and the batch that hold it. */
function* inRange(items: Iterable<InspectItem>, range: Range | null): Generator<InspectItem> {
  const held: Map<string, InspectItem> = new Map();
  for (const item of items) {
    if (range === null || !isOfTheLog(item)) {
      yield item;
      continue;
    }
    if (item.kind === 'segment' || item.kind === 'batch') held.set(item.kind, item);
    const at =
      item.kind === 'entry' ? item.entry.index : item.kind === 'truncation' ? item.from : 0;
    if (at < range.from || at > range.to) continue;
    yield* held.values();
    held.clear();
    yield item;
  }
}

const isOfTheLog = ({ kind }: InspectItem): boolean =>
  kind === 'segment' || kind === 'batch' || kind === 'entry' || kind === 'truncation';

async function runVerify(
  directory: string,
  { disk, runningPid }: ReadableDirectory,
  settings: Settings,
  io: Io,
): Promise<number> {
  let report = verify(disk);
  // What is damaged stays damaged; what was being written is whole a moment later.
  for (let look = 1; runningPid !== null && report.verdict !== 'ok' && look < LOOKS_MAX; look++) {
    await sleep(LOOK_AGAIN_MS);
    report = verify(disk);
  }
  if (settings.flag('json')) {
    io.stdout.write(`${JSON.stringify({ directory, runningPid, ...report })}\n`);
  } else {
    const lines = [...summary(directory, runningPid, report), ...conclusion(report, io)];
    io.stdout.write(`${lines.join('\n')}\n`);
  }
  const isGood = report.verdict === 'ok' || report.verdict === 'torn';
  return isGood ? ExitCode.Ok : ExitCode.Other;
}

function summary(directory: string, runningPid: number | null, report: Report): readonly string[] {
  const { node, segments, batches, entriesWritten, cuts, badSlots, suspect } = report;
  const { snapshots, baseIndex, badSnapshots, install } = report;
  const of = node === null ? '' : `, of node ${node}`;
  const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;
  const batchText = batches === 1 ? '1 batch' : `${batches} batches`;
  const lines = [
    `${directory}${of}`,
    `  ${counted(segments, 'segment')}, ${batchText}, ${entriesWritten} entries, ${counted(cuts, 'cut')}`,
  ];
  if (snapshots > 0) {
    const behind = baseIndex === 0 ? '' : `; the log goes on from entry ${baseIndex}`;
    lines.push(`  ${counted(snapshots, 'snapshot')}${behind}`);
  }
  for (const { file, what } of badSnapshots) lines.push(`  ${file} is damaged: ${what}`);
  if (install !== null) {
    lines.push(
      `  a crash cut an install short: a start finishes it, behind entry ${install.index}`,
    );
  }
  if (runningPid !== null) {
    lines.push(`  process ${runningPid} runs on it: the end of the log may be in motion`);
  }
  if (suspect) {
    lines.push(
      '  a suspect: rot was found at an earlier start; it does not count until it is whole again',
    );
  }
  if (badSlots.length === 1) {
    lines.push(`  hard state: ${badSlots[0]} is bad; the other slot is enough, a start mends it`);
  }
  return lines;
}

function conclusion(report: Report, io: Io): readonly string[] {
  const good = (word: string) => paint(io, io.stdout, 'green', word);
  const bad = (word: string) => paint(io, io.stdout, 'red', word);
  const upTo = `up to entry ${report.lastIndex} of term ${report.lastTerm}`;
  switch (report.verdict) {
    case 'ok':
      return [`${good('ok')}: the log is whole ${upTo}`];
    case 'fallback':
      return [
        `${bad('damaged')}: a snapshot, but nothing is lost: the log is whole ${upTo}`,
        '  A start goes on from another snapshot, or without one. Have a look at the disk.',
      ];
    case 'torn': {
      const { bytes, offset, file, what } = report.torn!;
      return [
        `${good('ok')}: the log is whole ${upTo}, and has a torn tail`,
        `  ${bytes} bytes at byte ${offset} of ${file}: ${what}`,
        '  A crash left it unfinished: nobody was promised any of it. A start cuts it off.',
      ];
    }
    case 'damaged':
      return report.badEntries.map(({ file, offset, why }) => {
        const start = 'a start goes on, and stops when it needs it';
        return `${bad('damaged')}: the entry at byte ${offset} of ${file} (${why}); ${start}`;
      });
    case 'rot': {
      const keeps =
        'A start keeps a copy, cuts it off, and goes on as a suspect: it neither votes nor';
      return [
        `${bad('rot')}: ${describeDamage(report.rot!)}`,
        `  ${keeps}`,
        '  counts until the others have sent it everything again (docs/suspect-mode.md).',
      ];
    }
    case 'refused': {
      const { kind, message, remedy } = report.refusal!;
      return [`${bad(kind)}: ${message}`, `  A start would refuse. ${remedy}`];
    }
    default:
      return unreachable(report.verdict);
  }
}
