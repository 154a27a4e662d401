import { decodeEntry, Entry, type EntryDefect } from '../base/entry.ts';
import type { Index } from '../base/ids.ts';
import type { BatchHeader } from './batch.ts';
import { type Damage, isDamage } from './damage.ts';
import type { Disk } from './disk.ts';
import { SLOT_NAMES } from './hard-state.ts';
import { LogScanner, type LogVisitor, manifestOf } from './log-scanner.ts';
import { findUnfit } from './recovery.ts';
import { isRefusal, type Refusal } from './refusal.ts';
import { type SegmentHeader, segmentName } from './segment.ts';
import { readSlot, readSlots, type SlotRead } from './state-files.ts';

/** What lies in a data directory, piece by piece, in the order of recovery. */
export type InspectItem =
  | { readonly kind: 'slot'; readonly file: string; readonly slot: SlotRead }
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
  const found = new Items();
  const scanner = new LogScanner(disk, manifestOf(image), found);
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
      yield { kind: 'end', file, offset: end.offset, lastIndex: scanner.log.lastIndex };
    }
  }
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
    const entry = decodeEntry(bytes, at, at + length, length);
    if (entry instanceof Entry) this.items.push({ kind: 'entry', file, offset: at, entry });
    else this.items.push({ kind: 'bad-entry', file, offset: at, why: entry });
  }

  truncation(at: number, from: Index): void {
    this.items.push({ kind: 'truncation', file: this.file, offset: at, from });
  }
}
