import { ENTRY_HEADER_BYTES, type Entry, EntryType } from '../../base/entry.ts';
import { decodeCommand } from '../../kv/command.ts';
import type { Reply } from '../../kv/reply.ts';
import type { TraceEvent } from '../../raft/trace.ts';
import {
  type DurableChange,
  Observer,
  type SimDamageReport,
  type SimNode,
  type SimWorldView,
  Violation,
} from '../observer.ts';
import { keyOfWords, normalized, wordsOf } from '../reference/words.ts';
import { DurableImage } from './durable-image.ts';
import { crcOf, LogModel } from './log-model.ts';

/** One node in the chronicle. */
export interface NodeRecord {
  readonly node: SimNode;
  /** Its log as it is in memory. Meaningful while it is up. */
  readonly log: LogModel;
  readonly image: DurableImage;
}

/**
 * What has happened so far, as no node of the cluster knows it: every log, in memory and as a crash
 * would leave it, who has led which term, and the ledger, which is what was committed first at each
 * index. It is written before any judge hears of an event, and the judges lean on it.
 */
export class Chronicle extends Observer {
  /** By id: records[id - 1]. */
  readonly records: NodeRecord[] = [];
  readonly ledger = new LogModel();
  /** The node that won the term. */
  readonly leaders = new Map<number, SimNode>();
  /** Nodes that are suspects, and not yet reinstated (docs/suspect-mode.md): they must not vote, and
   *  nobody who knows may count on them. Kept by damaged.ts. */
  readonly abstaining = new Set<SimNode>();
  /** The run in which a node's log was damaged last. */
  private readonly damagedRun = new Map<SimNode, number>();
  /** By index: the words of what was applied there; null for what is no command. */
  readonly commands: (readonly string[] | null)[] = [null];
  /** By index: one text for those words; '' for what is no command. */
  readonly commandKeys: string[] = [''];
  /** By the words of an operation: the one text for their normal form. */
  private readonly operationKeys = new Map<readonly string[], string>();
  private view: SimWorldView | null = null;

  override began(world: SimWorldView): void {
    this.view = world;
    for (const node of world.nodes) {
      const image = new DurableImage(this.ledger);
      this.records.push({ node, log: new LogModel(), image });
    }
  }

  get world(): SimWorldView {
    return this.view!;
  }

  get majority(): number {
    return Math.floor(this.records.length / 2) + 1;
  }

  of(node: SimNode): NodeRecord {
    return this.records[node.id - 1]!;
  }

  /** Whether the node leads this term, as far as it knows. */
  isLeading(node: SimNode, term: number): boolean {
    const state = node.raftState;
    return state !== null && state.role === 'leader' && state.currentTerm === term;
  }

  /** Whether the plan has torn a hole into the node's log that no start has seen yet. What a crash
   *  now would leave behind it, nobody knows. */
  hasHole(node: SimNode): boolean {
    return node.damage.log && this.damagedRun.get(node) === node.run;
  }

  override damaged(node: SimNode, { path }: SimDamageReport): void {
    if (!path.startsWith('state')) this.damagedRun.set(node, node.run);
  }

  override started(node: SimNode): void {
    const { log, image } = this.of(node);
    log.becomeCopyOf(image.log);
  }

  override durable(node: SimNode, change: DurableChange): void {
    this.of(node).image.change(change);
  }

  override directory(node: SimNode, names: ReadonlyMap<string, number>): void {
    this.of(node).image.directory(names);
  }

  override traced(node: SimNode, event: TraceEvent): void {
    switch (event.kind) {
      case 'append':
        this.appended(node, event.from, event.to);
        return;
      case 'truncate':
        this.of(node).log.truncate(event.from);
        return;
      case 'snapshot':
        this.reset(node, event.index, event.snapshotTerm);
        return;
      case 'commit':
        this.committed(this.of(node).log, event.commitIndex);
        return;
      case 'role':
        if (event.role === 'leader' && !this.leaders.has(event.term)) {
          this.leaders.set(event.term, node);
        }
        return;
      default:
        return;
    }
  }

  override applied(_node: SimNode, entry: Entry, _reply: Reply): void {
    if (entry.index !== this.commands.length) return;
    if (entry.type !== EntryType.Command) {
      this.commands.push(null);
      this.commandKeys.push('');
      return;
    }
    const command = decodeCommand(entry.record, ENTRY_HEADER_BYTES);
    if (typeof command === 'string') {
      throw new Violation('S22', `entry ${entry.index} holds a command that is ${command}`);
    }
    const words = wordsOf(command);
    this.commands.push(words);
    this.commandKeys.push(keyOfWords(words));
  }

  /** The text under which the words of an operation stand in `commandKeys`. Several judges ask. */
  keyOf(words: readonly string[]): string {
    let key = this.operationKeys.get(words);
    if (key === undefined) {
      key = keyOfWords(normalized(words));
      this.operationKeys.set(words, key);
    }
    return key;
  }

  private appended(node: SimNode, from: number, to: number): void {
    const { log } = this.of(node);
    const inMemory = node.raftState!.log;
    for (let index = from; index <= to; index++) {
      const entry = inMemory.entryAt(index as Entry['index']);
      if (index !== log.lastIndex + 1 || entry.index !== index) {
        throw new Violation(
          'S18',
          `${node.name} has entry ${entry.index} at ${index}, behind ${log.lastIndex}`,
        );
      }
      log.append(entry.term, crcOf(entry));
    }
  }

  /** §7: the log begins anew behind a snapshot, which must be the state behind what was committed. */
  private reset(node: SimNode, index: number, term: number): void {
    const { ledger } = this;
    if (ledger.termAt(index) !== term) {
      throw new Violation(
        'S21',
        `${node.name} installs a snapshot at entry ${index} of term ${term}; what was committed ` +
          `there is of term ${ledger.termAt(index)} (-1: nothing)`,
      );
    }
    this.of(node).log.becomeCopyOf(ledger, index);
  }

  private committed(log: LogModel, commitIndex: number): void {
    while (this.ledger.lastIndex < commitIndex && this.ledger.lastIndex < log.lastIndex) {
      this.ledger.extendBy(log);
    }
  }
}
