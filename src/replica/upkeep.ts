import type { Storage } from '../storage/storage.ts';

/** Idle for this long, the log gets a mark that covers its last batch. */
const MARK_AFTER_IDLE_MS = 100;
/** How often a full disk is asked again. */
const RETRY_ALLOCATION_MS = 500;

/** What the log on disk wants from time to time, whatever is in it. */
export class Upkeep {
  private readonly storage: Storage;
  private markAtMs = Number.POSITIVE_INFINITY;
  private retryAtMs = Number.POSITIVE_INFINITY;

  constructor(storage: Storage) {
    this.storage = storage;
  }

  /** When `run` has something to do next. */
  get nextDeadlineMs(): number {
    return Math.min(this.markAtMs, this.retryAtMs);
  }

  /** Something has become durable. */
  wrote(nowMs: number): void {
    this.markAtMs = nowMs + MARK_AFTER_IDLE_MS;
  }

  run(nowMs: number): void {
    if (this.markAtMs <= nowMs) {
      this.markAtMs = Number.POSITIVE_INFINITY;
      if (this.storage.dirtySinceMark) this.storage.writeMark();
    }
    this.retryAllocation(nowMs);
  }

  /** Asks a disk without room for the next segment again: also after a start at which nothing could
   *  be made durable at all. */
  private retryAllocation(nowMs: number): void {
    if (this.storage.space === 'ok') {
      this.retryAtMs = Number.POSITIVE_INFINITY;
    } else if (this.retryAtMs === Number.POSITIVE_INFINITY) {
      this.retryAtMs = nowMs + RETRY_ALLOCATION_MS;
    } else if (this.retryAtMs <= nowMs) {
      this.storage.retryAllocation();
      this.retryAtMs = nowMs + RETRY_ALLOCATION_MS;
    }
  }
}
