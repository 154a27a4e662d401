import { installNodeNative } from '../../node/native.ts';
import { BackupFetcher, type BackupSink, type FetchedBackup } from '../backup/fetch.ts';
import { PartFile } from '../backup/part-file.ts';
import { FetchProgress } from '../backup/progress.ts';
import { configurationOf } from '../backup/snapshot-source.ts';
import { bytesText, counted } from '../backup/texts.ts';
import type { CliCommand } from '../command.ts';
import { nodeOptions, nodesOf, withClient } from '../connect.ts';
import { CliError, ExitCode, usageError } from '../exit.ts';
import type { Io } from '../io.ts';
import { jsonOption } from '../output.ts';
import type { OptionSpec, Settings } from '../settings.ts';

export const nodeOption: OptionSpec = {
  name: 'node',
  kind: 'text',
  placeholder: 'NAME',
  summary: 'the node to read from; without it, a follower',
};
export const forceOption: OptionSpec = {
  name: 'force',
  kind: 'flag',
  placeholder: '',
  summary: 'replace FILE if it exists',
};

export const backupCommand: CliCommand = {
  name: 'backup',
  group: 'cluster',
  summary: 'Writes the state of a running cluster to a file.',
  usage: 'FILE|- [--node NAME] [--force]',
  description: [
    'The file holds the state of one instant, as behind one entry of the log: everything that was',
    'acknowledged before the command was started is in it. The cluster goes on meanwhile; the node',
    'that is read, a follower unless --node names another, writes its state down first.',
    'Every block is verified as it comes, and at the end the hash of the whole state; only then the',
    'file gets its name. When the node goes away, it all begins again with another one.',
    'With - the file goes to standard output, and what a lost node has sent can not be taken back:',
    'the command fails then. dkvs restore makes a cluster of the file, dkvs snapshot looks at it.',
  ],
  examples: [
    'dkvs backup monday.backup',
    'dkvs backup monday.backup --node n2 --connect 10.0.0.1:7001 --json',
    'dkvs backup - | zstd > monday.backup.zst',
  ],
  options: [...nodeOptions, nodeOption, forceOption, jsonOption],
  async run({ settings, positionals }, io) {
    const [file, ...more] = positionals;
    if (file === undefined || more.length > 0) {
      throw usageError('name one file', 'usage: dkvs backup FILE; - is standard output');
    }
    installNodeNative();
    const startedMs = performance.now();
    if (file === '-') {
      checkStandardOutput(settings, io);
      tell(await fetchInto(new OutputSink(io), settings, io), 'standard output', startedMs, io);
      return ExitCode.Ok;
    }
    const part = new PartFile(file, settings.flag('force'));
    try {
      const backup = await fetchInto(new FileSink(part), settings, io);
      part.publish();
      if (settings.flag('json')) {
        io.stdout.write(`${JSON.stringify(factsOf(backup, file, startedMs))}\n`);
      } else {
        tell(backup, file, startedMs, io);
      }
      return ExitCode.Ok;
    } finally {
      part.discard();
    }
  },
};

function checkStandardOutput(settings: Settings, io: Io): void {
  if (settings.flag('json')) throw usageError('--json and - would both use standard output');
  if (io.stdout.isTty) throw usageError('a backup is binary: name a file, or pipe it somewhere');
}

/** Fetches it; Ctrl-C ends it. */
export async function fetchInto(
  sink: BackupSink,
  settings: Settings,
  io: Io,
): Promise<FetchedBackup> {
  return await withClient(settings, async (client) => {
    const events = new FetchProgress(io);
    const fetcher = new BackupFetcher({
      client,
      seeds: nodesOf(settings),
      timeoutMs: settings.duration('timeout', 1),
      node: settings.has('node') ? settings.text('node') : null,
      sink,
      events,
    });
    const release = io.onStop(() => fetcher.stop());
    try {
      return await fetcher.run();
    } finally {
      events.end();
      release();
    }
  });
}

class FileSink implements BackupSink {
  private readonly part: PartFile;

  constructor(part: PartFile) {
    this.part = part;
  }

  bytes(verified: Uint8Array): void {
    this.part.write(verified);
  }

  restart(): void {
    this.part.clear();
  }
}

class OutputSink implements BackupSink {
  private readonly io: Io;
  private isBegun = false;

  constructor(io: Io) {
    this.io = io;
  }

  bytes(verified: Uint8Array): void {
    this.isBegun = true;
    this.io.stdout.write(verified);
  }

  restart(): void {
    if (!this.isBegun) return;
    throw new CliError(
      ExitCode.Unavailable,
      'unavailable: the node went away, and standard output can not be taken back',
      'what has come is no whole backup; run it again, or write to a file',
    );
  }
}

function factsOf(backup: FetchedBackup, file: string, startedMs: number) {
  const { snapshot, blocks, state, node } = backup;
  const { index, term, id, bytes } = snapshot;
  const { revision, count: keys } = state;
  const { clusterId } = configurationOf(snapshot);
  const tookMs = Math.round(performance.now() - startedMs);
  return { file, index, term, id, bytes, blocks, keys, revision, clusterId, node, tookMs };
}

function tell(backup: FetchedBackup, file: string, startedMs: number, io: Io): void {
  const { keys, revision, bytes, index, node } = factsOf(backup, file, startedMs);
  const what = `${counted(keys, 'key')} at revision ${revision}, ${bytesText(bytes)}`;
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  io.stderr.write(`${file}: ${what}, as of entry ${index}, from ${node} in ${seconds} s\n`);
}
