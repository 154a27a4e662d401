import assert from 'node:assert/strict';
import { bytesOf } from '../../src/base/bytes.ts';
import { type Entry, EntryType, sealEntry, unsealedRecord } from '../../src/base/entry.ts';
import {
  INDEX_ZERO,
  type Index,
  index,
  NOBODY,
  nodeId,
  term,
  walSequence,
} from '../../src/base/ids.ts';
import { defaultLimits, type Limits } from '../../src/base/limits.ts';
import type { HardState, Persist } from '../../src/base/persist.ts';
import { installNodeNative } from '../../src/node/native.ts';
import { SimDisk } from '../../src/sim/disk.ts';
import type { DiskError } from '../../src/storage/disk.ts';
import type { Rot } from '../../src/storage/found-log.ts';
import type { NewDirectory } from '../../src/storage/hard-state.ts';
import { isRefusal, type Refusal } from '../../src/storage/refusal.ts';
import { Storage } from '../../src/storage/storage.ts';

installNodeNative();

/** Small files, so that a test can look at every byte of them. */
export const smallLimits: Limits = {
  ...defaultLimits,
  segmentBytes: 16 * 1024,
  batchBytesMax: 8 * 1024,
};

export const directory: NewDirectory = {
  nodeId: nodeId(2),
  name: 'n2',
  directoryId: Uint8Array.from({ length: 16 }, (_, i) => i + 1),
  membersImage: bytesOf('n1=a:1,n2=b:2,n3=c:3'),
};

/** Callbacks wait here until a test runs them: so a test decides what happens between. */
export class Later {
  private callbacks: (() => void)[] = [];

  readonly add = (callback: () => void): void => {
    this.callbacks.push(callback);
  };

  /** One callback; false when there is none. */
  step(): boolean {
    const callback = this.callbacks.shift();
    callback?.();
    return callback !== undefined;
  }

  /** Until nothing is left to do. */
  run(): void {
    while (this.step()) {}
  }
}

export function entry(at: number, inTerm: number, payload: Uint8Array | string = ''): Entry {
  const bytes = typeof payload === 'string' ? bytesOf(payload) : payload;
  return sealEntry(unsealedRecord(bytes), EntryType.Command, term(inTerm), index(at));
}

/** Entries [from, to] of one term; what each holds tells its index and term. */
export function entries(from: number, to: number, inTerm: number, bytes = 0): Entry[] {
  const made: Entry[] = [];
  for (let at = from; at <= to; at++) {
    made.push(entry(at, inTerm, `entry ${at} of ${inTerm}`.padEnd(bytes, '.')));
  }
  return made;
}

export function request(sequence: number, parts: Partial<Persist>): Persist {
  return {
    sequence: walSequence(sequence),
    hardState: null,
    reset: null,
    truncateFrom: INDEX_ZERO,
    entries: [],
    commitIndex: INDEX_ZERO,
    ...parts,
  };
}

export const vote = (inTerm: number, votedFor = 0): HardState => {
  return {
    currentTerm: term(inTerm),
    votedFor: votedFor === 0 ? NOBODY : nodeId(votedFor),
    suspect: false,
  };
};

/** One run of a storage on a simulated disk, with what it has called back. */
export class Run {
  readonly storage: Storage;
  readonly later: Later;
  persisted = 0;
  fatal: DiskError | null = null;
  private sequence = 0;

  constructor(storage: Storage, later: Later) {
    this.storage = storage;
    this.later = later;
    storage.onPersisted = (sequence) => {
      assert.equal(this.fatal, null, 'called back after the fatal error');
      assert.ok(sequence > this.persisted, 'sequences grow');
      this.persisted = sequence;
    };
    storage.onFatal = (error) => {
      assert.equal(this.fatal, null, 'fatal only once');
      this.fatal = error;
    };
  }

  /** Asks for it; answers its sequence. */
  persist(parts: Partial<Persist>): number {
    this.sequence++;
    this.storage.persist(request(this.sequence, parts));
    return this.sequence;
  }

  /** Asks for it and waits. */
  persistNow(parts: Partial<Persist>): void {
    const sequence = this.persist(parts);
    this.later.run();
    assert.equal(this.persisted, sequence);
  }

  /** A mark behind the last records. */
  mark(): void {
    this.storage.writeMark();
    this.later.run();
  }

  close(): void {
    let closed = false;
    this.storage.close(() => {
      closed = true;
    });
    this.later.run();
    assert.ok(closed);
  }
}

export interface World {
  readonly disk: SimDisk;
  readonly later: Later;
}

export function emptyWorld(): World {
  const later = new Later();
  return { disk: new SimDisk(later.add), later };
}

export function worldOf(image: ReadonlyMap<string, Uint8Array>): World {
  const later = new Later();
  return { disk: SimDisk.of(image, later.add), later };
}

/** A first start. */
export function create(limits = smallLimits): World & { run: Run } {
  const world = emptyWorld();
  Storage.create(world.disk, limits, directory);
  return { ...world, run: open(world, limits) };
}

/** For starts whose ids don't matter. */
export const someStart = new Uint8Array(8).fill(0x55);

/** Opens what must open. */
export function open(world: World, limits = smallLimits, startId = someStart): Run {
  const storage = Storage.open(world.disk, limits, startId);
  if (isRefusal(storage)) assert.fail(`refused: ${storage.message}`);
  return new Run(storage, world.later);
}

/** Opens what must not open. */
export function refused(world: World, limits = smallLimits): Refusal {
  const storage = Storage.open(world.disk, limits, someStart);
  if (!isRefusal(storage)) assert.fail('opened, though it should refuse');
  assert.notEqual(storage.remedy, '');
  return storage;
}

/** Opens what must open as a suspect, because rot is found now. */
export function suspected(world: World, limits = smallLimits): Rot {
  const { storage } = open(world, limits);
  assert.ok(storage.state.suspect);
  assert.ok(storage.recovered.rot !== null);
  return storage.recovered.rot;
}

/** The log as a start finds it, from its base on: every entry's payload, through the reader. */
export function readLog(run: Run): string[] {
  const { base, lastIndex, termRuns } = run.storage.recovered;
  const termAt = (at: Index) => termRuns.findLast(({ from }) => from <= at)?.term ?? base.term;
  const read: string[] = [];
  for (let from = base.index + 1; from <= lastIndex; ) {
    let got = 0;
    run.storage.readEntries(index(from), lastIndex, 4096, termAt, (result) => {
      if (result instanceof Error) assert.fail(result.message);
      got = result.length;
      for (const { index: at, term: inTerm, record } of result) {
        assert.equal(at, base.index + read.length + 1);
        read.push(`${inTerm}:${Buffer.from(record.subarray(28)).toString('latin1')}`);
      }
    });
    run.later.run();
    assert.ok(got > 0, `entry ${from} is not there`);
    from += got;
  }
  return read;
}

/** What `readLog` must find for these entries. */
export const logOf = (all: readonly Entry[]): string[] =>
  all.map(({ term: inTerm, payload }) => `${inTerm}:${Buffer.from(payload).toString('latin1')}`);
