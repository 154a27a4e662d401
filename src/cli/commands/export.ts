import type { StateItemReader } from '../../kv/state-item-reader.ts';
import { installNodeNative } from '../../node/native.ts';
import type { BackupSink } from '../backup/fetch.ts';
import { encodeLine } from '../backup/json-lines.ts';
import { PartFile } from '../backup/part-file.ts';
import { readSnapshotFile } from '../backup/snapshot-source.ts';
import { counted } from '../backup/texts.ts';
import type { CliCommand } from '../command.ts';
import { nodeOptions } from '../connect.ts';
import { CliError, ExitCode, usageError } from '../exit.ts';
import type { Io } from '../io.ts';
import { fetchInto, forceOption, nodeOption } from './backup.ts';
import { damagedError } from './snapshot.ts';

const OUTPUT_CHARS = 64 * 1024;

export const exportCommand: CliCommand = {
  name: 'export',
  group: 'cluster',
  summary: 'Prints all keys and values as JSON, one a line, as of one instant.',
  usage: '[FILE] [--from BACKUP] [--node NAME] [--force]',
  description: [
    'One object a line: {"key":"greeting","value":"hello"}. A key or value that is no UTF-8 stands in',
    '"key64" or "value64", as base64. The keys come in the order of their creation, but for those',
    'that were changed while the state was read, which come earlier.',
    'Without --from it is read from the running cluster, like a backup: everything that was',
    'acknowledged before is in it, and nothing half. Without FILE it goes to standard output; what a',
    'node has sent before it went away can not be taken back there, and the command fails.',
  ],
  examples: [
    'dkvs export all.jsonl',
    'dkvs export --from monday.backup | jq .key',
    'dkvs export | dkvs import --connect 10.0.0.9:7001',
  ],
  options: [
    ...nodeOptions,
    { name: 'from', kind: 'text', placeholder: 'FILE', summary: 'a backup, instead of a cluster' },
    nodeOption,
    forceOption,
  ],
  async run({ settings, positionals }, io) {
    const [file = '-', ...more] = positionals;
    if (more.length > 0) throw usageError('name one file', 'usage: dkvs export FILE');
    installNodeNative();
    const part = file === '-' ? null : new PartFile(file, settings.flag('force'));
    try {
      const lines = new LineSink(part, io);
      if (settings.has('from')) await readFrom(settings.text('from'), lines);
      else await fetchInto(lines, settings, io);
      lines.flush();
      part?.publish();
      if (part !== null) io.stderr.write(`${file}: ${counted(lines.count, 'key')}\n`);
      return ExitCode.Ok;
    } finally {
      part?.discard();
    }
  },
};

/** Verified before the first line is printed: half of a damaged backup is worse than none. */
async function readFrom(backup: string, lines: LineSink): Promise<void> {
  try {
    await readSnapshotFile(backup);
    await readSnapshotFile(backup, { onItem: (item) => lines.item(item) });
  } catch (error) {
    throw damagedError(backup, error);
  }
}

class LineSink implements BackupSink {
  count = 0;
  private readonly part: PartFile | null;
  private readonly io: Io;
  private text = '';
  private isBegun = false;

  /** @param part null: standard output. */
  constructor(part: PartFile | null, io: Io) {
    this.part = part;
    this.io = io;
  }

  bytes(): void {}

  item({ bytes, keyFrom, keyTo, valueTo }: StateItemReader): void {
    const key = bytes.subarray(keyFrom, keyTo);
    this.text += encodeLine({ key, value: bytes.subarray(keyTo, valueTo) });
    this.count++;
    if (this.text.length >= OUTPUT_CHARS) this.flush();
  }

  flush(): void {
    if (this.part !== null) this.part.write(Buffer.from(this.text));
    else this.io.stdout.write(this.text);
    this.isBegun ||= this.text !== '';
    this.text = '';
  }

  restart(): void {
    this.text = '';
    this.count = 0;
    if (!this.isBegun) return;
    this.isBegun = false;
    if (this.part !== null) {
      this.part.clear();
      return;
    }
    throw new CliError(
      ExitCode.Unavailable,
      'unavailable: the node went away, and standard output can not be taken back',
      'what has come is not all of it; run it again, or write to a file',
    );
  }
}
