import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { index } from '../../../src/base/ids.ts';
import { Prng } from '../../../src/base/prng.ts';
import { SimDisk } from '../../../src/sim/disk.ts';
import { DurableImage } from '../../../src/sim/judges/durable-image.ts';
import { crcOf, LogModel } from '../../../src/sim/judges/log-model.ts';
import { Storage } from '../../../src/storage/storage.ts';
import { directory, entry, Later, open, smallLimits, vote } from '../../storage/world.ts';

/** A storage on a disk that the judges' image follows, and the log as it was asked for. */
class Story {
  /** Of nothing but cut logs would it be asked. */
  readonly ledger = new LogModel();
  readonly image = new DurableImage(this.ledger);
  readonly later = new Later();
  readonly disk: SimDisk;
  readonly random: Prng;
  /** What the storage was asked to hold. */
  readonly log = new LogModel();
  private run;
  private inTerm = 1;

  constructor(seed: number) {
    this.random = new Prng(seed);
    this.disk = new SimDisk(this.later.add, {
      durable: (change) => this.image.change(change),
      directory: (names) => this.image.directory(names),
    });
    Storage.create(this.disk, smallLimits, directory);
    this.run = open(this);
  }

  /** One request: a term, a cut, some entries. */
  ask(): void {
    const { random, log } = this;
    const hardState = random.chance(0.2) ? vote(++this.inTerm, random.below(4)) : null;
    const cut = random.chance(0.1) && log.lastIndex > 0 ? 1 + random.below(log.lastIndex) : 0;
    if (cut > 0) log.truncate(cut);
    const entries = Array.from({ length: random.below(4) }, () => {
      const next = entry(log.lastIndex + 1, this.inTerm, random.bytes(random.below(1500)));
      log.append(next.term, crcOf(next));
      return next;
    });
    this.run.persist({ hardState, truncateFrom: index(cut), entries });
  }

  /** All of it is done. */
  settle(): void {
    this.later.run();
    this.agrees('after the storage said that it is durable');
  }

  /** Some of it is done, and then the power goes. */
  crash(): void {
    for (let left = this.random.below(8); left > 0; left--) this.later.step();
    this.disk.crash(this.random);
    this.run = open(this);
    const { recovered, state } = this.run.storage;
    const { log } = this.image;
    assert.equal(recovered.lastIndex, log.lastIndex, 'the log as recovered');
    assert.equal(recovered.termRuns.at(-1)?.term ?? 0, log.lastTerm);
    for (const { from, term } of recovered.termRuns) assert.equal(log.termAt(from), term);
    this.agreesOn(state);
    this.log.becomeCopyOf(log);
    this.inTerm = state.currentTerm + 1;
  }

  private agrees(when: string): void {
    const { log } = this.image;
    assert.equal(log.lastIndex, this.log.lastIndex, when);
    assert.equal(log.prefixAt(log.lastIndex), this.log.prefixAt(this.log.lastIndex), when);
    this.agreesOn(this.run.storage.state);
  }

  private agreesOn({ currentTerm, votedFor }: { currentTerm: number; votedFor: number }): void {
    for (const slot of this.image.hardStates) {
      assert.equal(slot?.term, currentTerm);
      assert.equal(slot.votedFor, votedFor);
    }
  }
}

describe('the durable image', () => {
  test('says of every disk what the storage says, segment after segment, crash after crash', () => {
    let [entries, segments] = [0, 0];
    for (let seed = 1; seed <= 60; seed++) {
      const story = new Story(seed);
      for (let round = 0; round < 40; round++) {
        story.ask();
        if (story.random.chance(0.5)) story.settle();
        else if (story.random.chance(0.3)) story.crash();
      }
      story.settle();
      entries += story.image.log.lastIndex;
      segments += story.disk.list().filter((name) => /^wal-\d/.test(name)).length;
    }
    assert.ok(entries > 500 && segments > 120, `${entries} entries, ${segments} segments`);
  });

  test('holds nothing of a write before its sync is done', () => {
    const story = new Story(1);
    const before = story.image.log.lastIndex;
    for (let left = 5; left > 0; left--) story.ask();
    assert.ok(story.log.lastIndex > before);
    assert.equal(story.image.log.lastIndex, before);
    story.settle();
  });

  test('loses a batch with one byte of it, and all behind', () => {
    const image = new DurableImage(new LogModel());
    const later = new Later();
    const disk = new SimDisk(later.add, {
      durable: (change) => image.change(change),
      directory: (names) => image.directory(names),
    });
    Storage.create(disk, smallLimits, directory);
    const run = open({ disk, later });
    for (const at of [1, 2, 3]) run.persistNow({ entries: [entry(at, 1)] });
    assert.equal(image.log.lastIndex, 3);
    const change = { inode: 0, path: '', size: smallLimits.segmentBytes, cause: 'damage' } as const;
    // The second of three batches, each a sector, behind the segment's header.
    for (let inode = 1; inode < 9; inode++) {
      image.change({ ...change, inode, offset: 512 + 512 + 100, bytes: new Uint8Array([0xee]) });
    }
    assert.equal(image.log.lastIndex, 1);
  });
});
