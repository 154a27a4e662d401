import type { Index } from '../base/ids.ts';
import type { SnapshotInfo } from '../base/snapshot.ts';
import { blob, bulk, integer, map, OK, type Reply } from '../kv/reply.ts';
import { noBackup, tryAgain, unreadableBackup } from '../protocol/errors.ts';
import { DiskError } from '../storage/disk.ts';
import { SNAPSHOT_PIECE_BYTES_MAX } from '../storage/snapshot-file.ts';
import type { Snapshots as SnapshotFiles } from '../storage/snapshots.ts';
import type { Deferred } from './deferred.ts';
import type { NodeView } from './status.ts';

/** What is read at a time, which is a block: to hand it to a socket holds everybody up. */
const READ_BYTES_MAX = SNAPSHOT_PIECE_BYTES_MAX;
/** How many connections may have a snapshot kept for them: each may keep one file from going. */
export const BACKUPS_MAX = 4;
/** Whoever has not read for so long has gone, or has no use for it. */
export const BACKUP_IDLE_MS = 60_000;
/** For a node to apply the entry that a backup has to cover; to write the snapshot then, it may take
 *  as long as it takes. */
export const BACKUP_BEHIND_MS = 10_000;

/** Where backups come from: this node's own snapshots. */
export interface BackupSource {
  readonly files: Pick<SnapshotFiles, 'newest' | 'pin' | 'unpin' | 'readChunk'>;
  /** One that covers everything up to `index`, which is applied here, is wanted. */
  want(index: Index): void;
}

/** What one connection reads. */
interface Held {
  readonly info: SnapshotInfo;
  usedMs: number;
}

/**
 * The snapshots that clients of this node are reading, for `dkvs backup` (docs/backup.md). Each is
 * pinned for one connection, until that says END, closes, begins another, or is idle for too long.
 *
 * @typeParam Owner a connection, told apart by its identity.
 */
export class Backups<Owner extends object = object> {
  private readonly view: NodeView;
  private readonly chunkBytesMax: number;
  private readonly askForTurn: () => void;
  private source: BackupSource | null = null;
  private readonly held = new Map<Owner, Held>();

  constructor(view: NodeView, chunkBytesMax: number, askForTurn: () => void) {
    this.view = view;
    this.chunkBytesMax = Math.min(chunkBytesMax, READ_BYTES_MAX);
    this.askForTurn = askForTurn;
  }

  /** From now on there are snapshots: a node that waits to be admitted has no state yet. */
  open(source: BackupSource): void {
    this.source = source;
  }

  /** When one is let go of for want of reading; Infinity when nothing is held. */
  get nextDeadlineMs(): number {
    let atMs = Number.POSITIVE_INFINITY;
    for (const { usedMs } of this.held.values()) atMs = Math.min(atMs, usedMs + BACKUP_IDLE_MS);
    return atMs;
  }

  expire(nowMs: number): void {
    for (const [owner, { usedMs }] of this.held) {
      if (nowMs >= usedMs + BACKUP_IDLE_MS) this.letGo(owner);
    }
  }

  /** @param after the entry that has to be covered; null: the last one that is applied here. */
  begin(owner: Owner, after: Index | null, nowMs: number): Reply | Deferred {
    const { source, view } = this;
    if (source === null) return noBackup(`${view.self.name} waits to be admitted`);
    this.letGo(owner);
    if (this.held.size >= BACKUPS_MAX) return this.full();
    const hold = (info: SnapshotInfo, heldMs: number) => this.hold(source, owner, info, heldMs);
    const waiting = new Covering(source, view, after ?? view.lastApplied, nowMs, hold);
    return waiting.proceed(nowMs) ?? waiting;
  }

  /** Whole pieces of the file from `offset` on: as much as a block takes, and one at least. */
  read(owner: Owner, id: number, offset: number, nowMs: number): Reply | Deferred {
    const held = this.held.get(owner);
    if (held === undefined || held.info.id !== id) return this.notHeld(id);
    held.usedMs = nowMs;
    const reading = new Reading();
    this.source!.files.readChunk(held.info, offset, this.chunkBytesMax, (result) => {
      if (result === 'gone') {
        reading.reply = noBackup(`no piece of the snapshot at byte ${offset} is there and sound`);
      } else if (result instanceof DiskError) {
        reading.reply = unreadableBackup(result.message);
      } else {
        reading.reply = blob(result);
      }
      this.askForTurn();
    });
    return reading.proceed() ?? reading;
  }

  end(owner: Owner, id: number): Reply {
    if (this.held.get(owner)?.info.id !== id) return this.notHeld(id);
    this.letGo(owner);
    return OK;
  }

  /** The connection is closed, or wants nothing any more. */
  letGo(owner: Owner): void {
    const held = this.held.get(owner);
    if (held === undefined) return;
    this.held.delete(owner);
    this.source!.files.unpin(held.info);
  }

  private hold(source: BackupSource, owner: Owner, info: SnapshotInfo, nowMs: number): Reply {
    if (this.held.size >= BACKUPS_MAX) return this.full();
    source.files.pin(info);
    this.held.set(owner, { info, usedMs: nowMs });
    return map([
      [bulk('index'), integer(info.index)],
      [bulk('term'), integer(info.term)],
      [bulk('id'), integer(info.id)],
      [bulk('bytes'), integer(info.bytes)],
    ]);
  }

  private full(): Reply {
    const busy = `${this.view.self.name} serves ${BACKUPS_MAX} backups already`;
    return tryAgain(`${busy}: ask another node, or later`);
  }

  private notHeld(id: number): Reply {
    return noBackup(`snapshot ${id} is not kept for this connection (any more)`);
  }
}

/**
 * Waits until a snapshot covers an index. The snapshot is asked for only once the index is applied
 * here: one that never comes must not stand in the way of others.
 */
class Covering implements Deferred {
  readonly isWork = false;
  wakeAtMs: number;
  private readonly source: BackupSource;
  private readonly view: NodeView;
  private readonly index: Index;
  private readonly hold: (info: SnapshotInfo, nowMs: number) => Reply;
  private isAsked = false;

  constructor(
    source: BackupSource,
    view: NodeView,
    index: Index,
    nowMs: number,
    hold: (info: SnapshotInfo, nowMs: number) => Reply,
  ) {
    this.source = source;
    this.view = view;
    this.index = index;
    this.wakeAtMs = nowMs + BACKUP_BEHIND_MS;
    this.hold = hold;
  }

  proceed(nowMs: number): Reply | null {
    const { source, view, index } = this;
    const { newest } = source.files;
    if (newest !== null && newest.index >= index) return this.hold(newest, nowMs);
    if (nowMs >= this.wakeAtMs) {
      const state = `${view.self.name} has applied ${view.lastApplied}, and ${index} is asked for`;
      return tryAgain(`${state}: ask another node, or later`);
    }
    if (!this.isAsked && view.lastApplied >= index) {
      this.isAsked = true;
      this.wakeAtMs = Number.POSITIVE_INFINITY;
      source.want(index);
    }
    return null;
  }

  endWait(): void {
    this.wakeAtMs = Number.NEGATIVE_INFINITY;
  }
}

/** A piece that is on its way from the disk. */
class Reading implements Deferred {
  readonly isWork = false;
  readonly wakeAtMs = Number.POSITIVE_INFINITY;
  reply: Reply | null = null;

  proceed(): Reply | null {
    return this.reply;
  }

  endWait(): void {}
}
