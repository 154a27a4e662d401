import { assert } from '../base/assert.ts';
import { INDEX_ZERO, type Index, NO_SEQUENCE, type WalSequence } from '../base/ids.ts';
import type { HardState, Persist } from '../base/persist.ts';
import { Queue } from '../base/queue.ts';
import type { SnapshotInfo } from '../base/snapshot.ts';
import { TRUNCATION_BYTES } from './batch.ts';
import type { LogWriter } from './log-writer.ts';

/** What one round of hard state and batch makes durable. */
export interface Filled {
  /** The youngest one, when there is one. */
  readonly hardState: HardState | null;
  /** Every request up to here is in it; NO_SEQUENCE: none is complete. */
  readonly completes: WalSequence;
  /** Whether anything was taken. */
  readonly any: boolean;
}

/**
 * The requests that wait for the disk. While one batch is being synced they pile up here, and are
 * merged into the next: so batches form by themselves, and the slower the disk, the larger they
 * are. A request that is too large for one batch goes on in the next ones.
 */
export class PersistQueue {
  /** The largest that any request taken so far has known. */
  commitIndex: Index = INDEX_ZERO;
  private readonly requests = new Queue<Persist>();
  /** How much of the oldest request was taken already. */
  private resetTaken = false;
  private cutTaken = false;
  private entriesTaken = 0;

  get isEmpty(): boolean {
    return this.requests.length === 0;
  }

  /**
   * Takes a request. One that resets the log takes the place of all that wait before it: there is
   * no log any more for their entries, and what they knew to be committed was of it; only their
   * hard state counts. Answers the snapshots of resets that have thus become needless.
   */
  push(persist: Persist): readonly SnapshotInfo[] {
    if (persist.reset === null) {
      this.requests.push(persist);
      return [];
    }
    assert(persist.truncateFrom === INDEX_ZERO, () => 'a reset leaves nothing to be cut');
    let { hardState } = persist;
    const needless: SnapshotInfo[] = [];
    // A reset that is under way, or done, stays: its log is the one that comes before this one.
    const stay = this.resetTaken ? 1 : 0;
    while (this.requests.length > stay) {
      const last = this.requests.pop()!;
      hardState ??= last.hardState;
      if (last.reset !== null) needless.push(last.reset);
    }
    if (stay === 0) {
      this.cutTaken = false;
      this.entriesTaken = 0;
    }
    this.requests.push({ ...persist, hardState });
    return needless;
  }

  /** Whether the next thing to do is a reset: nothing else of the queue is taken before it. */
  get resetIsNext(): boolean {
    return this.requests.length > 0 && this.waitsForReset(this.requests.peek()!);
  }

  /** The reset begins. */
  takeReset(): Persist & { readonly reset: SnapshotInfo } {
    const persist = this.requests.peek()!;
    this.resetTaken = true;
    return { ...persist, reset: persist.reset! };
  }

  /** It could not be carried out, and is the next thing to do again. */
  putBackReset(): void {
    this.resetTaken = false;
  }

  /** The reset is done, hard state included. Answers what is complete by that. */
  settleReset(): WalSequence {
    const { reset, entries, sequence } = this.requests.peek()!;
    if (reset!.index > this.commitIndex) this.commitIndex = reset!.index;
    if (entries.length > 0) return NO_SEQUENCE;
    this.shift();
    return sequence;
  }

  /** The length of the next record; 0 when the next request has none. */
  get nextRecordBytes(): number {
    const persist = this.requests.peek();
    if (persist === undefined || this.waitsForReset(persist)) return 0;
    if (this.cutIsNext(persist)) return TRUNCATION_BYTES;
    return persist.entries[this.entriesTaken]?.record.length ?? 0;
  }

  /** Moves what fits into the batch that `writer` has begun, in order. */
  fill(writer: LogWriter): Filled {
    let hardState: HardState | null = null;
    let completes = NO_SEQUENCE;
    let any = false;
    for (;;) {
      const persist = this.requests.peek();
      if (persist === undefined || this.waitsForReset(persist)) break;
      // Hard state alone needs no batch, so it never waits for room.
      const bytes = this.nextRecordBytes;
      if ((bytes > 0 || persist.hardState === null) && !writer.batch.fits(bytes)) break;
      // The hard state is written before the batch, so it goes with the request's first record.
      if (this.isUntouched) hardState = persist.hardState ?? hardState;
      if (persist.commitIndex > this.commitIndex) this.commitIndex = persist.commitIndex;
      any = true;
      if (!this.addRecords(persist, writer)) break;
      completes = persist.sequence;
      this.shift();
    }
    return { hardState, completes, any };
  }

  /** Whether all of the request is in the batch now. */
  private addRecords(persist: Persist, writer: LogWriter): boolean {
    if (this.cutIsNext(persist)) {
      if (!writer.batch.fits(TRUNCATION_BYTES)) return false;
      writer.addTruncation(persist.truncateFrom);
      this.cutTaken = true;
    }
    const { entries } = persist;
    while (this.entriesTaken < entries.length) {
      const entry = entries[this.entriesTaken]!;
      if (!writer.batch.fits(entry.record.length)) return false;
      writer.addEntry(entry);
      this.entriesTaken++;
    }
    return true;
  }

  private get isUntouched(): boolean {
    return !this.resetTaken && !this.cutTaken && this.entriesTaken === 0;
  }

  private waitsForReset({ reset }: Persist): boolean {
    return reset !== null && !this.resetTaken;
  }

  private shift(): void {
    this.requests.shift();
    this.resetTaken = false;
    this.cutTaken = false;
    this.entriesTaken = 0;
  }

  private cutIsNext(persist: Persist): boolean {
    return persist.truncateFrom !== INDEX_ZERO && !this.cutTaken;
  }
}
