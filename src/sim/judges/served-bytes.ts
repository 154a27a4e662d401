import { readU64 } from '../../base/bytes.ts';
import type { Entry } from '../../base/entry.ts';
import { native } from '../../base/native.ts';
import { mix } from '../../kv/murmur3.ts';
import type { AppendEntries, Message } from '../../raft/messages.ts';
import { Observer, type SimNode, Violation } from '../observer.ts';
import type { Chronicle } from './chronicle.ts';
import { crcOf } from './log-model.ts';

const TERM_AT = 12;
const INDEX_AT = 20;

/**
 * D4, no unverified bytes are served. Every entry that leaves as AppendEntries, out of memory or read
 * back from disk for a laggard, is looked over when it leaves: its checksum is that of its bytes, it
 * is the one that the message says (so no read was misdirected), and what the leader itself took into
 * its log there, byte for byte. What is read back to be applied is the business of state-machines.ts:
 * it has to be the ledger's.
 */
export class ServedBytesJudge extends Observer {
  private readonly chronicle: Chronicle;

  constructor(chronicle: Chronicle) {
    super();
    this.chronicle = chronicle;
  }

  override sent(node: SimNode, message: Message): void {
    if (message.kind !== 'AppendEntries') return;
    for (const [i, entry] of message.entries.entries()) {
      const what = this.defectOf(node, message, message.prevLogIndex + 1 + i, entry);
      if (what === null) continue;
      throw new Violation(
        'D4',
        `${node.name} serves entry ${entry.index} of term ${entry.term} to node ${message.to}, ${what}`,
      );
    }
  }

  private defectOf(node: SimNode, message: AppendEntries, at: number, entry: Entry): string | null {
    const { record } = entry;
    if (native.crc32(record, 4, record.length, 0) !== crcOf(entry)) {
      return 'and its bytes are not those that its checksum covers';
    }
    const named = readU64(record, INDEX_AT);
    if (named !== at || entry.index !== at || readU64(record, TERM_AT) !== entry.term) {
      return `in the place of entry ${at}; its record says ${named}`;
    }
    // Deposed in the very turn in which it said so: by now its log may be another one.
    if (!this.chronicle.isLeading(node, message.term)) return null;
    const { log } = this.chronicle.of(node);
    const isOwn = mix(log.prefixAt(at - 1), crcOf(entry)) === log.prefixAt(at);
    return isOwn ? null : 'which is not what it has taken into its log there';
  }
}
