import { decodeEntry, Entry, type EntryDefect } from '../base/entry.ts';
import type { Index, Term } from '../base/ids.ts';
import type { BatchHeader } from './batch.ts';
import { type Damage, isDamage } from './damage.ts';
import type { Disk } from './disk.ts';
import { SLOT_NAMES, type StateImage } from './hard-state.ts';
import { LogOutline } from './log-outline.ts';
import { LogScanner, type LogVisitor, manifestOf } from './log-scanner.ts';
import { findUnfit, judgeGap } from './recovery.ts';
import { isRefusal, type Refusal } from './refusal.ts';
import { type SegmentHeader, segmentName } from './segment.ts';
import { type Snapshot, snapshotIndexOf, snapshotName } from './snapshot-file.ts';
import { readSnapshotSync } from './snapshot-reader.ts';
import { fitOf, readShelf, type SnapshotShelf } from './snapshot-shelf.ts';
import { readSlot, readSlots, type SlotRead } from './state-files.ts';

/** What lies in a data directory, piece by piece, in the order of recovery. */
export type InspectItem =
  | { readonly kind: 'slot'; readonly file: string; readonly slot: SlotRead }
  | { readonly kind: 'snapshot'; readonly file: string; readonly snapshot: Snapshot }
  /** A start keeps it aside: the one before and the log, or the other members, make up for it. */
  | { readonly kind: 'bad-snapshot'; readonly file: string; readonly what: string }
  | { readonly kind: 'segment'; readonly file: string; readonly header: SegmentHeader }
  | { readonly kind: 'batch'; readonly file: string; readonly header: BatchHeader }
  | { readonly kind: 'entry'; readonly file: string; readonly offset: number; entry: Entry }
  | { readonly kind: 'bad-entry'; readonly file: string; readonly offset: number; why: EntryDefect }
  | { readonly kind: 'truncation'; readonly file: string; readonly offset: number; from: Index }
  /** A start would cut [offset, offset + bytes) off and go on. */
  | {
      readonly kind: 'torn';
      readonly file: string;
      readonly offset: number;
      bytes: number;
      what: string;
    }
  /** A crash has cut an install short: a start would let the log begin anew behind this entry. */
  | { readonly kind: 'install'; readonly file: string; readonly index: Index; readonly term: Term }
  /** A start would keep a copy, cut the log here, and go on as a suspect. */
  | { readonly kind: 'rot'; readonly damage: Damage }
  /** A start would refuse. */
  | { readonly kind: 'refusal'; readonly refusal: Refusal }
  | { readonly kind: 'end'; readonly file: string; readonly offset: number; lastIndex: Index };

/**
 * Walks a data directory without changing it, as recovery would, with recovery's own verdicts. The
 * last item is `end`, `rot` or `refusal`.
 * @throws DiskError
 */
export function* inspect(disk: Disk): Generator<InspectItem> {
  for (const file of SLOT_NAMES) yield { kind: 'slot', file, slot: readSlot(disk, file) };
  const slots = readSlots(disk);
  if (isRefusal(slots)) return yield { kind: 'refusal', refusal: slots };
  const { image } = slots;
  const unfit = findUnfit(disk, image);
  const shelf = readShelf(disk);
  if (isRefusal(shelf)) return yield { kind: 'refusal', refusal: unfit ?? shelf };
  yield* snapshots(disk, shelf);
  const found = new Items();
  const log = new LogOutline();
  const scanner = new LogScanner(disk, manifestOf(image), log, found);
  for (let id = image.firstSegment; id <= image.lastSegment; id++) {
    const segment = scanner.scan(id);
    yield* found.take();
    if (isRefusal(segment)) return yield { kind: 'refusal', refusal: segment };
    if (isDamage(segment)) {
      if (unfit === null) yield { kind: 'rot', damage: segment };
      else yield { kind: 'refusal', refusal: unfit };
      return;
    }
    const { end } = segment;
    const file = segmentName(id);
    if (end.kind === 'torn') {
      const bytes = end.endOffset - end.offset;
      yield { kind: 'torn', file, offset: end.offset, bytes, what: end.what };
    }
    if (id === image.lastSegment) {
      if (unfit !== null) return yield { kind: 'refusal', refusal: unfit };
      yield* conclusion(image, log, shelf, file, end.offset);
    }
  }
}

/** All of them are read to the end, where a start reads only the newest: here nobody waits. */
function* snapshots(disk: Disk, shelf: SnapshotShelf): Generator<InspectItem> {
  for (const file of disk.list()) {
    if (snapshotIndexOf(file) === 0) continue;
    const bad = shelf.damaged.find((damaged) => damaged.file === file);
    const read = bad?.what ?? readSnapshotSync(disk, file);
    if (typeof read === 'string') yield { kind: 'bad-snapshot', file, what: read };
    else if ('snapshot' in read) yield { kind: 'snapshot', file, snapshot: read.snapshot };
  }
}

/** Whether log and snapshots fit together, as `recover` judges it. */
function* conclusion(
  image: StateImage,
  log: LogOutline,
  shelf: SnapshotShelf,
  file: string,
  offset: number,
): Generator<InspectItem> {
  const fit = fitOf(log, shelf);
  if (fit === 'gap') {
    const verdict = judgeGap(image, log, shelf);
    if (isRefusal(verdict)) yield { kind: 'refusal', refusal: verdict };
    else yield { kind: 'rot', damage: verdict };
    return;
  }
  let { lastIndex } = log;
  if (fit === 'unfinished') {
    const { index, term } = shelf.good.at(-1)!.snapshot;
    yield { kind: 'install', file: snapshotName(index), index, term };
    lastIndex = index;
  }
  yield { kind: 'end', file, offset, lastIndex };
}

/** Gathers the items of one segment. */
class Items implements LogVisitor {
  private items: InspectItem[] = [];
  private file = '';

  take(): InspectItem[] {
    const { items } = this;
    this.items = [];
    return items;
  }

  segment(file: string, header: SegmentHeader): void {
    this.file = file;
    this.items.push({ kind: 'segment', file, header });
  }

  batch(file: string, header: BatchHeader): void {
    this.items.push({ kind: 'batch', file, header });
  }

  entry(bytes: Uint8Array, at: number, length: number): void {
    const { file } = this;
    const entry = decodeEntry(bytes.slice(at, at + length), 0, length, length);
    if (entry instanceof Entry) this.items.push({ kind: 'entry', file, offset: at, entry });
    else this.items.push({ kind: 'bad-entry', file, offset: at, why: entry });
  }

  truncation(at: number, from: Index): void {
    this.items.push({ kind: 'truncation', file: this.file, offset: at, from });
  }
}
