import { assert } from '../base/assert.ts';
import type { Index } from '../base/ids.ts';
import type { SnapshotInfo } from '../base/snapshot.ts';
import { Discards } from './discards.ts';
import { type Disk, type DiskDone, DiskError, type DiskFile } from './disk.ts';
import { isFull } from './growing-file.ts';
import type { StateImage } from './hard-state.ts';
import { RESET_SEGMENT_BYTES, resetImage } from './log-reset.ts';
import type { LogWriter } from './log-writer.ts';
import { encodeSegmentHeader, segmentName } from './segment.ts';
import type { SegmentTable } from './segment-table.ts';
import type { Snapshots } from './snapshots.ts';

interface Compaction {
  readonly upTo: Index;
  readonly done: () => void;
}

/** What is changed. */
export interface LogBeginningParts {
  readonly disk: Disk;
  readonly writer: LogWriter;
  readonly snapshots: Snapshots;
}

/** What the storage does for it. */
export interface LogBeginningHost {
  /** The hard state as it is, with the next sequence number. */
  nextImage(): StateImage;
  /** Into both slots, durably. */
  save(image: StateImage, next: () => void): void;
  /** The next step of what is under way, unless an error ends it. */
  unlessEnded(next: () => void): DiskDone;
  failed(error: DiskError): void;
}

/** Where the log begins: it loses what snapshots cover, or begins anew behind a received one. The
 *  manifest changes first, in both slots: what it names must be there, what it does not name may. */
export class LogBeginning {
  private readonly disk: Disk;
  private readonly writer: LogWriter;
  private readonly snapshots: Snapshots;
  private readonly segments: SegmentTable;
  private readonly host: LogBeginningHost;
  private readonly discards: Discards;
  private readonly compactions: Compaction[] = [];

  constructor(
    { disk, writer, snapshots }: LogBeginningParts,
    segments: SegmentTable,
    host: LogBeginningHost,
  ) {
    this.disk = disk;
    this.writer = writer;
    this.snapshots = snapshots;
    this.segments = segments;
    this.host = host;
    this.discards = new Discards(disk, (error) => host.failed(error));
  }

  get segmentCount(): number {
    return this.segments.count;
  }

  /** Asks for a cut: `cutNext` makes it. */
  compact(upTo: Index, done: () => void): void {
    const covered = this.snapshots.newest?.index ?? 0;
    // What goes from the log must be in a snapshot that no crash takes away any more.
    assert(upTo <= covered, () => `the log is cut at ${upTo}, snapshots go up to ${covered}`);
    this.compactions.push({ upTo, done });
  }

  get cutIsNext(): boolean {
    return this.compactions.length > 0;
  }

  /** Makes the next cut. `next`, perhaps called at once: something else may be done; the files go in
   *  the background. */
  cutNext(next: () => void): void {
    const { upTo, done } = this.compactions.shift()!;
    const cut = this.segments.cutFor(upTo);
    if (cut === null) {
      done();
      next();
      return;
    }
    const { segmentId, base } = cut;
    this.host.save({ ...this.host.nextImage(), firstSegment: segmentId }, () => {
      this.discard(this.writer.compact(segmentId, base), done);
      next();
    });
  }

  /**
   * A received snapshot takes the place of the log (§7): it gets its name, and a segment is made with
   * which the log begins anew; once both are durable, the manifest names that segment and no other.
   * From the name on, recovery does the rest if need be. Only at the end older files may go.
   * @param noRoom called at once, and nothing has happened: a full disk has no room for the segment.
   * @throws DiskError
   */
  reset(info: SnapshotInfo, next: () => void, noRoom: () => void): void {
    const { disk, host, snapshots, writer } = this;
    const base = { index: info.index, term: info.term };
    const { directoryId } = host.nextImage().state;
    const header = writer.nextHeader(directoryId, RESET_SEGMENT_BYTES, base);
    const { segmentId } = header;
    const segment = this.makeSegment(segmentName(segmentId), encodeSegmentHeader(header));
    if (segment === null) {
      noRoom();
      return;
    }
    const file = snapshots.install(info);
    const named = host.unlessEnded(() => {
      host.save(resetImage(host.nextImage(), segmentId), () => {
        this.discard(writer.restart(segment, RESET_SEGMENT_BYTES, base));
        snapshots.installed(file);
        next();
      });
    });
    segment.sync(host.unlessEnded(() => disk.syncDirectory(named)));
  }

  /** Removes nothing more. Calls back, perhaps at once, when nothing is under way. */
  stop(idle: () => void): void {
    this.discards.stop(idle);
  }

  /** Null where there is no room for it. */
  private makeSegment(name: string, header: Uint8Array): DiskFile | null {
    try {
      const segment = this.disk.create(name);
      segment.writeSync(0, header);
      return segment;
    } catch (error) {
      if (!(error instanceof DiskError) || !isFull(error)) throw error;
      this.disk.removeIfThere(name);
      return null;
    }
  }

  private discard(segments: readonly number[], done?: () => void): void {
    this.discards.add(segments.map(segmentName), done);
  }
}
