import { installNodeNative } from '../../node/native.ts';
import {
  configurationOf,
  outlineOf,
  readSnapshotFile,
  snapshotFilesAt,
} from '../backup/snapshot-source.ts';
import { DamagedSnapshot } from '../backup/snapshot-stream.ts';
import { bytesText, counted } from '../backup/texts.ts';
import type { CliCommand } from '../command.ts';
import { CliError, ExitCode, usageError } from '../exit.ts';
import { type Io, paint } from '../io.ts';
import { jsonOption, table } from '../output.ts';
import { didYouMean } from '../suggest.ts';

const ACTIONS = ['inspect', 'verify'];

export const snapshotCommand: CliCommand = {
  name: 'snapshot',
  group: 'tools',
  summary: 'Reads a backup, or the snapshots in a data directory, without a node.',
  usage: 'inspect FILE|DIR | verify FILE|DIR',
  description: [
    'inspect prints what a snapshot says of itself: where in the log it was taken, of which cluster,',
    'how many keys are in it, at which revision.',
    'verify reads every byte: the checksum of each block and of the file, each item of the state, and',
    'the hash of all of it. Exits with 0 when all is as it was written, with 1 when not: it says which',
    'block, at which byte.',
    'DIR is the data directory of a node: then all of its snapshots are looked at, the newest first.',
    'With --json: one object a line.',
  ],
  examples: [
    'dkvs snapshot inspect monday.backup',
    'dkvs snapshot verify monday.backup',
    'dkvs snapshot verify ./dkvs-data/n1 --json',
  ],
  options: [jsonOption],
  actions: ACTIONS,
  async run({ settings, positionals }, io) {
    const [action = '', path, ...more] = positionals;
    if (!ACTIONS.includes(action)) {
      const hint = didYouMean(action, ACTIONS) || 'usage: dkvs snapshot verify FILE';
      throw usageError(`snapshot does ${ACTIONS.join(', ')}, not ${JSON.stringify(action)}`, hint);
    }
    if (path === undefined || more.length > 0) {
      throw usageError('name one file or data directory', `usage: dkvs snapshot ${action} FILE`);
    }
    installNodeNative();
    const isJson = settings.flag('json');
    let code: ExitCode = ExitCode.Ok;
    for (const file of snapshotFilesAt(path)) {
      const isGood =
        action === 'verify' ? await verify(file, io, isJson) : inspect(file, io, isJson);
      if (!isGood) code = ExitCode.Other;
    }
    return code;
  },
};

function inspect(file: string, io: Io, isJson: boolean): boolean {
  try {
    const { snapshot, ...more } = outlineOf(file);
    const { index, term, id, bytes } = snapshot;
    if (isJson) {
      io.stdout.write(`${JSON.stringify({ file, index, term, id, bytes, ...more })}\n`);
      return true;
    }
    const { blocks, keys, revision, clusterId, members } = more;
    const rows = [
      ['  entry', `${index} of term ${term}`],
      ['  state', `${counted(keys, 'key')}, revision ${revision}`],
      ['  cluster', clusterId],
      ['  members', members.map(({ name, address }) => `${name}=${address}`).join(' ')],
      ['  file', `${bytesText(bytes)} (${bytes}) in ${counted(blocks, 'block')}, id ${id}`],
    ];
    io.stdout.write(`${[file, ...table(rows, new Set())].join('\n')}\n`);
    return true;
  } catch (error) {
    return tellDamage(file, error, io, isJson);
  }
}

async function verify(file: string, io: Io, isJson: boolean): Promise<boolean> {
  try {
    const { snapshot, blocks, state } = await readSnapshotFile(file);
    const { index, term, id, bytes } = snapshot;
    const { revision, count: keys } = state;
    if (isJson) {
      const { clusterId } = configurationOf(snapshot);
      const facts = { index, term, id, bytes, blocks, keys, revision, clusterId };
      io.stdout.write(`${JSON.stringify({ file, verdict: 'ok', ...facts })}\n`);
      return true;
    }
    const what = `${counted(blocks, 'block')}, ${bytesText(bytes)}, ${counted(keys, 'key')}`;
    const good = paint(io, io.stdout, 'green', 'ok');
    io.stdout.write(`${good}: ${file} is whole: ${what} at revision ${revision}\n`);
    return true;
  } catch (error) {
    return tellDamage(file, error, io, isJson);
  }
}

function tellDamage(file: string, error: unknown, io: Io, isJson: boolean): false {
  if (!(error instanceof DamagedSnapshot)) throw error;
  const { message: what, offset, block } = error;
  if (isJson) {
    io.stdout.write(`${JSON.stringify({ file, verdict: 'damaged', what, offset, block })}\n`);
    return false;
  }
  const place = block === null ? `byte ${offset}` : `block ${block}, at byte ${offset}`;
  io.stdout.write(`${paint(io, io.stdout, 'red', 'damaged')}: ${file}: ${what} (${place})\n`);
  return false;
}

/** For commands that go on only with a sound one. */
export function damagedError(file: string, error: unknown): unknown {
  if (!(error instanceof DamagedSnapshot)) return error;
  const { message, offset } = error;
  return new CliError(
    ExitCode.Other,
    `${file} is no whole backup: ${message} (byte ${offset})`,
    `dkvs snapshot verify ${file} says more; take another backup`,
  );
}
