import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Index, incarnation, index, nodeId, term } from '../../src/base/ids.ts';
import { defaultLimits } from '../../src/base/limits.ts';
import type { Persist } from '../../src/base/persist.ts';
import { Prng } from '../../src/base/prng.ts';
import { startAgo } from '../../src/base/start-history.ts';
import { PowerCut, SimDisk } from '../../src/sim/disk.ts';
import type { DiskError } from '../../src/storage/disk.ts';
import { isRefusal } from '../../src/storage/refusal.ts';
import { Storage } from '../../src/storage/storage.ts';
import { entry, request, directory as small, vote } from './world.ts';

/**
 * The power is cut at every single operation of a life: creation, votes, batches, cuts, rolls,
 * marks, identity, close; and again in the middle of the recovery from that. What is un-synced
 * survives in any subset. Then every promise must have been kept (RELIABILITY.md, D1 and D2).
 */

const limits = { ...defaultLimits, segmentBytes: 5 * 1024, batchBytesMax: 3 * 1024 };

/** With these, an update of the hard state changes several sectors of a slot, and may tear. */
const directory = { ...small, membersImage: new Uint8Array(700).fill(77) };
const bindings = (round: number) =>
  Array.from({ length: 16 }, (_, i) => {
    const directoryId = new Uint8Array(16).fill(round);
    const startId = new Uint8Array(8).fill(round);
    return { nodeId: nodeId(i + 1), directoryId, incarnation: incarnation(round), startId };
  });

/** What storage may hold, and what it has promised. */
class Ledger {
  /** Every state the log has been asked to go through, one record at a time. */
  readonly history: string[][] = [[]];
  /** The log is durable at least up to this state. */
  promised = 0;
  /** How far the log of this run has been asked to go. */
  private log: string[] = [];
  promisedTerm = 0;
  promisedVote = 0;
  askedTerm = 0;
  askedVote = 0;
  promisedAdmitted = false;
  incarnation = 0;
  /** The ids of the starts that came to their end, and so may be known to others. */
  private readonly starts = new Map<number, Uint8Array>();
  private startsDrawn = 0;

  /** Another one at each start, whatever becomes of it. */
  nextStart(): Uint8Array {
    this.startsDrawn++;
    return new Uint8Array(8).fill(this.startsDrawn);
  }

  /** Makes the request part of the history; answers the state it ends in. */
  ask(persist: Persist): number {
    if (persist.truncateFrom > 0) {
      this.log = this.log.slice(0, persist.truncateFrom - 1);
      this.history.push(this.log);
    }
    for (const one of persist.entries) {
      this.log = [...this.log, `${one.index}/${one.term}`];
      this.history.push(this.log);
    }
    return this.history.length - 1;
  }

  get lastIndex(): number {
    return this.log.length;
  }

  /** A start has found this: it must keep every promise, and from now on it is one. */
  found(storage: Storage): void {
    const { recovered, state } = storage;
    const log: string[] = [];
    for (let at = 1; at <= recovered.lastIndex; at++) {
      log.push(`${at}/${recovered.termRuns.findLast(({ from }) => from <= at)?.term}`);
    }
    const matches = this.history.findLastIndex((one) => one.join() === log.join());
    assert.ok(
      matches >= this.promised,
      `found [${log}], promised [${this.history[this.promised]}]`,
    );
    assert.ok(state.currentTerm >= this.promisedTerm && state.currentTerm <= this.askedTerm);
    if (state.currentTerm === this.promisedTerm && this.promisedVote !== 0) {
      assert.equal(state.votedFor, this.promisedVote);
    }
    const lastTerm = recovered.termRuns.at(-1)?.term ?? 0;
    assert.ok(lastTerm <= state.currentTerm, 'no entry of a term that is not durable');
    assert.ok(state.admitted || !this.promisedAdmitted);
    assert.ok(state.incarnation > this.incarnation, 'no incarnation twice');
    this.incarnation = state.incarnation;
    this.starts.set(state.incarnation, new Uint8Array(8).fill(this.startsDrawn));
    for (const [start, id] of this.starts) {
      const kept = startAgo(state.startHistory, state.incarnation - start);
      assert.deepEqual(kept, id, 'a start that others may know');
    }
    this.history.length = 0;
    this.history.push(log);
    this.log = log;
    this.promised = 0;
    this.promisedTerm = state.currentTerm;
    this.promisedVote = state.votedFor;
    this.askedTerm = state.currentTerm;
    this.promisedAdmitted = state.admitted;
  }
}

/** Callbacks come in any order. */
class Shuffle {
  private callbacks: (() => void)[] = [];
  private readonly prng: Prng;

  constructor(prng: Prng) {
    this.prng = prng;
  }

  readonly add = (callback: () => void): void => {
    this.callbacks.push(callback);
  };

  run(): void {
    while (this.callbacks.length > 0) {
      const [callback] = this.callbacks.splice(this.prng.below(this.callbacks.length), 1);
      callback!();
    }
  }
}

/** One life, as far as the power lasts: first start or not, then work, then a clean stop. */
class Life {
  private readonly disk: SimDisk;
  private readonly later: Shuffle;
  private readonly ledger: Ledger;
  private sequence = 0;
  private readonly promises = new Map<number, () => void>();
  fatal: DiskError | null = null;

  constructor(disk: SimDisk, later: Shuffle, ledger: Ledger) {
    this.disk = disk;
    this.later = later;
    this.ledger = ledger;
  }

  start(): Storage {
    if (Storage.isEmpty(this.disk)) {
      assert.equal(this.ledger.incarnation, 0, 'what was opened once is never empty again');
      Storage.create(this.disk, limits, directory);
    }
    const storage = Storage.open(this.disk, limits, this.ledger.nextStart());
    if (isRefusal(storage)) assert.fail(`refused: ${storage.message}`);
    this.ledger.found(storage);
    storage.onFatal = (error) => {
      assert.equal(this.fatal, null);
      this.fatal = error;
    };
    storage.onPersisted = (sequence) => {
      assert.equal(this.fatal, null, 'a promise after the fatal error');
      for (const [at, keep] of this.promises) {
        if (at > sequence) break;
        keep();
        this.promises.delete(at);
      }
    };
    return storage;
  }

  work(storage: Storage): void {
    const { ledger } = this;
    const from = ledger.lastIndex + 1;
    const inTerm = storage.state.currentTerm + 1;
    const some = (first: number, count: number, of: number, bytes: number) =>
      Array.from({ length: count }, (_, i) => entry(first + i, of, 'x'.repeat(bytes + i)));
    this.persist(storage, { hardState: vote(inTerm, 1), entries: some(from, 2, inTerm, 10) });
    this.later.run();
    this.persist(storage, { entries: some(from + 2, 2, inTerm, 700) });
    this.persist(storage, { entries: some(from + 4, 1, inTerm, 30) });
    storage.saveIdentity({ admitted: true, bindings: bindings(inTerm) }, () => {
      ledger.promisedAdmitted = true;
    });
    this.later.run();
    this.persist(storage, { entries: some(from + 5, 5, inTerm, 900) });
    this.later.run();
    this.persist(storage, {
      hardState: vote(inTerm + 1),
      truncateFrom: index(from + 6),
      entries: some(from + 6, 3, inTerm + 1, 100),
    });
    storage.writeMark();
    this.later.run();
    this.persist(storage, { hardState: vote(inTerm + 1, 3) });
    this.persist(storage, { truncateFrom: index(from + 8) });
    this.later.run();
    storage.close(() => {});
    this.later.run();
  }

  private persist(storage: Storage, parts: Partial<Persist>): void {
    const { ledger } = this;
    const persist = request(++this.sequence, parts);
    const state = ledger.ask(persist);
    const { hardState } = persist;
    if (hardState !== null) ledger.askedTerm = hardState.currentTerm;
    this.promises.set(this.sequence, () => {
      ledger.promised = state;
      if (hardState === null) return;
      ledger.promisedTerm = hardState.currentTerm;
      ledger.promisedVote = hardState.votedFor;
    });
    storage.persist(persist);
  }
}

/** Whether the power was cut. */
function untilPowerCut(disk: SimDisk, cutAfter: number, body: () => void): boolean {
  disk.cutPowerAt = disk.operations + cutAfter;
  try {
    body();
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error;
  }
  return disk.operations >= disk.cutPowerAt;
}

function live(disk: SimDisk, later: Shuffle, ledger: Ledger): void {
  const life = new Life(disk, later, ledger);
  life.work(life.start());
}

test('the power is cut at every operation of a life', () => {
  let cuts = 0;
  for (let seed = 1; seed <= 3; seed++) {
    for (let cutAfter = 1; ; cutAfter++) {
      const prng = new Prng(seed * 1000 + cutAfter);
      const later = new Shuffle(prng);
      const disk = new SimDisk(later.add);
      const ledger = new Ledger();
      if (!untilPowerCut(disk, cutAfter, () => live(disk, later, ledger))) break;
      disk.crash(prng);
      cuts++;
      // Then a whole life to its end, and a last look.
      live(disk, later, ledger);
      new Life(disk, later, ledger).start();
    }
  }
  assert.ok(cuts > 250, `${cuts} cuts`);
});

for (const first of ['crash', 'kill'] as const) {
  test(`a ${first} at any operation, then a power cut at every operation of the recovery`, () => {
    let cuts = 0;
    for (let cutAfter = 1; ; cutAfter += 3) {
      const prng = new Prng(cutAfter);
      for (let again = 1; ; again++) {
        const later = new Shuffle(prng);
        const disk = new SimDisk(later.add);
        const ledger = new Ledger();
        const ended = !untilPowerCut(disk, cutAfter, () => live(disk, later, ledger));
        if (ended) return assert.ok(cuts > 200, `${cuts} cuts`);
        // After a kill the page cache still shows what no sync has covered.
        if (first === 'crash') disk.crash(prng);
        else disk.kill();
        const cut = untilPowerCut(disk, again, () => new Life(disk, later, ledger).start());
        disk.crash(prng);
        new Life(disk, later, ledger).start();
        disk.crash(prng);
        new Life(disk, later, ledger).start();
        if (!cut) break;
        cuts++;
      }
    }
  });
}

test('a creation killed before its last name was durable, then a power cut in the next start', () => {
  // The second slot's name may outlive a crash that the first one's does not: then the directory had
  // neither of them whole.
  for (let seed = 1; seed <= 25; seed++) {
    for (let cutAfter = 1; cutAfter <= 14; cutAfter++) {
      for (let again = 1; again <= 14; again++) {
        const prng = new Prng(seed);
        const later = new Shuffle(prng);
        const disk = new SimDisk(later.add);
        const ledger = new Ledger();
        untilPowerCut(disk, cutAfter, () => new Life(disk, later, ledger).start());
        disk.kill();
        untilPowerCut(disk, again, () => new Life(disk, later, ledger).start());
        disk.crash(prng);
        new Life(disk, later, ledger).start();
      }
    }
  }
});

test('an error of any sync or write is final, and no promise follows it', () => {
  let failures = 0;
  for (const operation of ['sync', 'write'] as const) {
    for (const code of ['EIO', 'EROFS']) {
      for (let after = 0; after < 60; after++) {
        const prng = new Prng(after);
        const later = new Shuffle(prng);
        const disk = new SimDisk(later.add);
        const ledger = new Ledger();
        const life = new Life(disk, later, ledger);
        const storage = life.start();
        disk.failLater(operation, code, after);
        life.work(storage);
        if (life.fatal === null) continue;
        failures++;
        assert.equal((life.fatal as DiskError).code, code);
        // The page cache may show what never reached the disk. The next start reads it, and
        // promises it: so it must write it anew.
        disk.kill();
        new Life(disk, later, ledger).start();
        disk.crash(prng);
        new Life(disk, later, ledger).start();
      }
    }
  }
  assert.ok(failures > 100, `${failures} failures`);
});

test('a read back during appends and cuts finds what the log holds by then', () => {
  const prng = new Prng(7);
  const later = new Shuffle(prng);
  const disk = new SimDisk(later.add);
  const ledger = new Ledger();
  const life = new Life(disk, later, ledger);
  const storage = life.start();
  life.work(storage);
  const again = new Life(disk, later, ledger).start();
  const { lastIndex, termRuns } = again.recovered;
  const termAt = (at: Index) => termRuns.findLast(({ from }) => from <= at)?.term ?? term(0);
  let read = 0;
  for (let from = 1; from <= lastIndex; from++) {
    again.readEntries(index(from), lastIndex, 1, termAt, (result) => {
      assert.ok(!(result instanceof Error) && result[0]!.index === from);
      read++;
    });
  }
  later.run();
  assert.equal(read, lastIndex);
});
