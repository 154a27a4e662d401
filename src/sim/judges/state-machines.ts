import { ENTRY_HEADER_BYTES, type Entry } from '../../base/entry.ts';
import { native } from '../../base/native.ts';
import type { SnapshotInfo } from '../../base/snapshot.ts';
import { mix } from '../../kv/murmur3.ts';
import type { Reply } from '../../kv/reply.ts';
import { Observer, type SimNode, Violation } from '../observer.ts';
import { ReferenceMachine } from '../reference/machine.ts';
import { replyText } from '../reference/words.ts';
import type { Chronicle } from './chronicle.ts';
import { crcOf } from './log-model.ts';

/** The reference machine hashes all of its state: not at every entry. */
const HASH_EVERY = 64;

/**
 * S7, state-machine safety (§5.4.3): what a node applies at an index is what the ledger has there,
 * byte for byte. S9: every run applies entry after entry, from the first on or from a snapshot that is
 * later than what it has. S21: the state of a snapshot is that behind its entry. S22: with the same
 * entries every machine gives the same replies and comes to the same state, and it is the one that
 * the reference machine comes to.
 */
export class StateMachineJudge extends Observer {
  private readonly chronicle: Chronicle;
  private readonly reference = new ReferenceMachine();
  /** By index: what the first machine answered, and the hash of its state then. */
  private readonly replies: (string | null)[] = [null];
  private readonly hashes: number[] = [0];
  /** By node id. */
  private readonly lastApplied: number[] = [];

  constructor(chronicle: Chronicle) {
    super();
    this.chronicle = chronicle;
  }

  /** It may begin with the state of a snapshot. */
  override started(node: SimNode): void {
    const { lastApplied } = node.machine!;
    this.lastApplied[node.id] = lastApplied;
    if (lastApplied > 0) this.judgeHash(node, 'S21', lastApplied);
  }

  override snapshotInstalled(node: SimNode, { index }: SnapshotInfo): void {
    const before = this.lastApplied[node.id]!;
    if (index <= before || node.machine!.lastApplied !== index) {
      throw new Violation(
        'S9',
        `${node.name} jumps from ${before} to ${node.machine!.lastApplied}, by a snapshot at ${index}`,
      );
    }
    this.lastApplied[node.id] = index;
    this.judgeHash(node, 'S21', index);
  }

  override applied(node: SimNode, entry: Entry, reply: Reply): void {
    const { index } = entry;
    const before = this.lastApplied[node.id] ?? 0;
    if (index !== before + 1) {
      throw new Violation('S9', `${node.name} applies ${index} after ${before}`);
    }
    this.lastApplied[node.id] = index;
    this.judgeEntry(node, entry);
    this.judgeState(node, index, reply);
  }

  private judgeEntry(node: SimNode, entry: Entry): void {
    const { index, record } = entry;
    const { ledger } = this.chronicle;
    const isCommitted =
      index <= ledger.lastIndex &&
      mix(ledger.prefixAt(index - 1), crcOf(entry)) === ledger.prefixAt(index);
    const isIntact = native.crc32(record, 4, record.length, 0) === crcOf(entry);
    if (isCommitted && isIntact) return;
    const what = isIntact ? 'is not what was committed there' : 'has bytes that it did not have';
    throw new Violation(
      'S7',
      `${node.name} applies entry ${index} of term ${entry.term}, which ${what} ` +
        `(${record.length - ENTRY_HEADER_BYTES} bytes; committed up to ${ledger.lastIndex})`,
    );
  }

  private judgeState(node: SimNode, index: number, reply: Reply): void {
    const words = this.chronicle.commands[index] ?? null;
    const text = words === null ? null : replyText(reply);
    const hash = node.machine!.hash();
    if (index === this.replies.length) {
      this.judgeReference(node, index, words, text, hash);
      this.replies.push(text);
      this.hashes.push(hash);
      return;
    }
    if (text !== this.replies[index]) {
      throw new Violation(
        'S22',
        `${node.name} answers ${words?.join(' ')} (entry ${index}) with ${text}, ` +
          `another node did with ${this.replies[index]}`,
      );
    }
    this.judgeHash(node, 'S22', index);
  }

  private judgeHash(node: SimNode, invariant: 'S21' | 'S22', index: number): void {
    const hash = node.machine!.hash();
    if (hash === this.hashes[index]) return;
    throw new Violation(
      invariant,
      `behind entry ${index}, the state of ${node.name} has the hash ${hash}, ` +
        `that of another node had ${this.hashes[index]}`,
    );
  }

  private judgeReference(
    node: SimNode,
    index: number,
    words: readonly string[] | null,
    text: string | null,
    hash: number,
  ): void {
    const expected = words === null ? null : this.reference.apply(words);
    if (text !== expected) {
      throw new Violation(
        'S22',
        `${node.name} answers ${words?.join(' ')} (entry ${index}) with ${text}, ` +
          `the reference machine with ${expected}`,
      );
    }
    if (index % HASH_EVERY !== 0 || hash === this.reference.hash()) return;
    throw new Violation(
      'S22',
      `behind entry ${index}, the state of ${node.name} has the hash ${hash}, ` +
        `that of the reference machine ${this.reference.hash()}`,
    );
  }
}
