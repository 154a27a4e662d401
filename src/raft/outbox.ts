import type { SnapshotInfo } from '../base/snapshot.ts';
import type {
  FreeMessage,
  PromiseMessage,
  ReadEntries,
  ReadSnapshot,
  ReceivedChunk,
} from './effects.ts';
import type { AppendEntriesResponse, SuspectResponse } from './messages.ts';

/**
 * What one turn has to say. Two boxes, by type: a message goes into the box of those that must wait
 * for the disk, or of those that need not, where it is made; no flag is carried along.
 */
export class Outbox {
  messages: FreeMessage[] = [];
  promises: PromiseMessage[] = [];
  reads: ReadEntries[] = [];
  snapshotReads: ReadSnapshot[] = [];
  chunks: ReceivedChunk[] = [];
  install: SnapshotInfo | null = null;

  get isEmpty(): boolean {
    return (
      this.messages.length === 0 &&
      this.promises.length === 0 &&
      this.reads.length === 0 &&
      this.snapshotReads.length === 0 &&
      this.chunks.length === 0 &&
      this.install === null
    );
  }

  /** May leave at once. */
  send(message: FreeMessage): void {
    this.messages.push(message);
  }

  /** Leaves when everything that the node has handed to its disk by the end of the turn is
   *  durable. */
  promise(message: PromiseMessage): void {
    this.promises.push(message);
  }

  /** As `promise`; of several acknowledgements to one leader in a turn, the furthest says it
   *  all. */
  promiseAcknowledgement(message: AppendEntriesResponse | SuspectResponse): void {
    const last = this.promises.at(-1);
    const covered =
      last !== undefined &&
      (last.kind === 'AppendEntriesResponse' || last.kind === 'SuspectResponse') &&
      last.kind === message.kind &&
      last.success &&
      last.to === message.to &&
      last.term === message.term &&
      last.matchIndex <= message.matchIndex;
    if (covered) this.promises.pop();
    this.promises.push(message);
  }

  read(request: ReadEntries): void {
    this.reads.push(request);
  }

  clear(): void {
    if (this.messages.length > 0) this.messages = [];
    if (this.promises.length > 0) this.promises = [];
    if (this.reads.length > 0) this.reads = [];
    if (this.snapshotReads.length > 0) this.snapshotReads = [];
    if (this.chunks.length > 0) this.chunks = [];
    this.install = null;
  }
}
