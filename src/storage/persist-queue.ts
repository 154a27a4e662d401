import { INDEX_ZERO, type Index, NO_SEQUENCE, type WalSequence } from '../base/ids.ts';
import type { HardState, Persist } from '../base/persist.ts';
import { Queue } from '../base/queue.ts';
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
  private cutTaken = false;
  private entriesTaken = 0;

  get isEmpty(): boolean {
    return this.requests.length === 0;
  }

  push(persist: Persist): void {
    this.requests.push(persist);
  }

  /** The length of the next record; 0 when the next request has none. */
  get nextRecordBytes(): number {
    const persist = this.requests.peek();
    if (persist === undefined) return 0;
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
      if (persist === undefined) break;
      // Hard state alone needs no batch, so it never waits for room.
      const bytes = this.nextRecordBytes;
      if ((bytes > 0 || persist.hardState === null) && !writer.batch.fits(bytes)) break;
      // The hard state is written before the batch, so it goes with the request's first record.
      if (!this.cutTaken && this.entriesTaken === 0) hardState = persist.hardState ?? hardState;
      if (persist.commitIndex > this.commitIndex) this.commitIndex = persist.commitIndex;
      any = true;
      if (!this.addRecords(persist, writer)) break;
      completes = persist.sequence;
      this.requests.shift();
      this.cutTaken = false;
      this.entriesTaken = 0;
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

  private cutIsNext(persist: Persist): boolean {
    return persist.truncateFrom !== INDEX_ZERO && !this.cutTaken;
  }
}
