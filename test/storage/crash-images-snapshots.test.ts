import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { bytesOf } from '../../src/base/bytes.ts';
import { index, NOBODY, term } from '../../src/base/ids.ts';
import { defaultLimits } from '../../src/base/limits.ts';
import type { HardState } from '../../src/base/persist.ts';
import { Prng } from '../../src/base/prng.ts';
import { type Explored, type ExploreOptions, explore } from '../../src/sim/crash-images/explore.ts';
import { Life } from '../../src/sim/crash-images/life.ts';
import { type Image, Killed, RecordingDisk } from '../../src/sim/crash-images/recording-disk.ts';
import { snapshotBytes } from '../../src/sim/crash-images/snapshot-bytes.ts';
import { type Snapshot, snapshotIndexOf, snapshotName } from '../../src/storage/snapshot-file.ts';
import { directory, entry } from './world.ts';

/**
 * Every state that a power loss could leave of a disk while snapshots are written, get their names,
 * go; while the log loses its beginning, and is reset to a snapshot that was received (§7).
 * DKVS_CRASH_STATES, DKVS_CRASH_SEEDS and DKVS_CRASH_FIRST as in crash-images.test.ts.
 */

const statesMax = Number(process.env['DKVS_CRASH_STATES'] ?? 60);
const seeds = Number(process.env['DKVS_CRASH_SEEDS'] ?? 2);
const firstSeed = Number(process.env['DKVS_CRASH_FIRST'] ?? 1);
const ACTIONS = 12;
const BLOCK_BYTES = 120;
const configuration = bytesOf('three of them');
const limits = {
  ...defaultLimits,
  segmentBytes: 3 * 1024,
  batchBytesMax: 2 * 1024,
  snapshotChunkBytesMax: 2 * (BLOCK_BYTES + 8),
};
const setting = { limits, directory };
const options: ExploreOptions = {
  bounds: { statesMax, samples: Math.ceil(statesMax / 4) },
  secondBounds: { statesMax: 8, samples: 6 },
  secondEvery: 15,
  slotEvery: 10,
  rotten: [],
};
const total: Explored = { instants: 0, states: 0, secondStates: 0, slots: 0, torn: 0, rot: 0 };
const seen = { taken: 0, cuts: 0, installs: 0, conflicts: 0 };
after(() => console.log(`# with snapshots: ${JSON.stringify(total)} ${JSON.stringify(seen)}`));

/** What a node does with its storage when it takes snapshots, and is sent some. */
class Work {
  private readonly life: Life;
  private readonly random: Prng;
  private currentTerm: number;
  private suspect: boolean;
  /** No entry up to here is ever cut off. */
  private committed: number;

  constructor(life: Life, random: Prng) {
    const { state, recovered } = life.storage;
    this.life = life;
    this.random = random;
    this.currentTerm = state.currentTerm;
    this.suspect = state.suspect;
    this.committed = recovered.commitIndex;
  }

  run(actions = ACTIONS): void {
    const { life, random } = this;
    for (let action = 0; action < actions; action++) {
      this.act(random.below(9));
      if (random.chance(0.3)) life.disk.run();
      for (let steps = random.below(4); steps > 0; steps--) life.disk.step();
    }
    life.disk.run();
  }

  append(count: number, bytes: number): void {
    if (this.currentTerm === 0) this.life.persist({ hardState: this.nextTerm() });
    const from = this.life.ledger.log.length + 1;
    const entries = Array.from({ length: count }, (_, i) =>
      entry(from + i, this.currentTerm, 'x'.repeat(bytes + i)),
    );
    this.life.persist({ entries });
  }

  /** All that is there is durable by then: a snapshot gets its name no earlier. */
  snapshot(): void {
    const { life } = this;
    life.disk.run();
    const at = life.ledger.log.length;
    const newest = life.storage.snapshots.newest?.index ?? 0;
    if (at <= newest || at === 0) return;
    const inTerm = Number(life.ledger.log[at - 1]!.split('/')[1]);
    this.committed = at;
    life.takeSnapshot({ index: index(at), term: term(inTerm), id: this.newId(), configuration });
    seen.taken++;
  }

  /** Behind the older one, or as far as may be. */
  compact(behind: Snapshot | null): void {
    const { storage } = this.life;
    const before = storage.base.index;
    if (behind === null || behind.index <= before) return;
    storage.compact(behind.index, () => {
      if (storage.base.index > before) seen.cuts++;
    });
  }

  /** A leader's snapshot: of entries that this log lacks, or has others in the place of. */
  install(): void {
    const { life, random } = this;
    life.disk.run();
    const length = life.ledger.log.length;
    const conflicts = length > this.committed && random.chance(0.4);
    const at = conflicts
      ? this.committed + 1 + random.below(length - this.committed)
      : length + 1 + random.below(4);
    const hardState = this.nextTerm();
    // The leader's term is known since its first piece, or becomes known with the last.
    const isKnown = random.chance(0.5);
    if (isKnown) life.persist({ hardState });
    const meta = { index: index(at), term: hardState.currentTerm, id: this.newId(), configuration };
    const sent = snapshotBytes(meta, BLOCK_BYTES);
    life.receive(sent, () => {});
    life.disk.run();
    if (isKnown && random.chance(0.5)) this.append(2, 300);
    const more = [entry(at + 1, hardState.currentTerm, 'behind it')];
    const entries = random.chance(0.3) ? more : [];
    const reset = { reset: sent.snapshot, entries, commitIndex: index(at) };
    life.persist(isKnown ? reset : { ...reset, hardState });
    this.committed = at;
    seen.installs++;
    if (conflicts) seen.conflicts++;
  }

  private act(action: number): void {
    const { life, random } = this;
    const length = life.ledger.log.length;
    if (action === 0) this.snapshot();
    else if (action === 1) {
      const { newest, previous } = life.storage.snapshots;
      this.compact(random.chance(0.7) ? previous : newest);
    } else if (action === 2 && random.chance(0.5)) this.install();
    else if (action === 3) life.storage.writeMark();
    else if (action === 4 && length > this.committed) {
      const from = this.committed + 1 + random.below(length - this.committed);
      const hardState = this.nextTerm();
      const entries = random.chance(0.5) ? [entry(from, hardState.currentTerm, 'anew')] : [];
      life.persist({ hardState, truncateFrom: index(from), entries });
    } else this.append(1 + random.below(3), random.chance(0.5) ? 40 : 600);
  }

  private nextTerm(): HardState {
    this.currentTerm++;
    return { currentTerm: term(this.currentTerm), votedFor: NOBODY, suspect: this.suspect };
  }

  private newId(): number {
    return this.random.u32();
  }
}

function fromSeeds(body: (random: Prng) => void): void {
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    try {
      body(new Prng(seed));
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
    }
  }
}

function exploreLife(
  before: Image,
  random: Prng,
  body: (life: Life, work: Work) => void,
  rotten: readonly Uint8Array[] = [],
): Life {
  const life = new Life(new RecordingDisk(before), setting);
  body(life, new Work(life, random));
  count(explore(life, { ...options, rotten }, random));
  return life;
}

function count(explored: Explored): void {
  for (const [what, times] of Object.entries(explored)) total[what as keyof Explored] += times;
}

/** A directory with two snapshots and a log that has lost its beginning, after a kill. */
function grown(random: Prng): Image {
  const life = new Life(new RecordingDisk(), setting);
  const work = new Work(life, random);
  for (let round = 0; round < 3; round++) {
    work.append(4, 500);
    work.snapshot();
    life.disk.run();
    work.append(2, 500);
    work.compact(life.storage.snapshots.previous);
    life.disk.run();
  }
  assert.ok(life.storage.base.index > 0);
  return life.disk.image();
}

test('lives in which anything may follow anything', () => {
  fromSeeds((random) => {
    exploreLife(grown(random), random, (life, work) => {
      work.run();
      life.close();
    });
    exploreLife(new Map(), random, (_, work) => work.run());
  });
});

test('a snapshot written, named, and the log cut behind the one before', () => {
  fromSeeds((random) => {
    exploreLife(grown(random), random, (life, work) => {
      work.append(3, 500);
      work.snapshot();
      work.append(2, 500);
      life.disk.run();
      work.compact(life.storage.snapshots.previous);
      work.append(1, 10);
      life.disk.run();
    });
  });
});

test('a snapshot received, and the log reset to it; then another one', () => {
  fromSeeds((random) => {
    exploreLife(grown(random), random, (life, work) => {
      work.append(2, 300);
      work.install();
      work.append(1, 300);
      life.disk.run();
      work.install();
      work.append(3, 300);
      life.disk.run();
    });
  });
});

test('a start after a kill at any operation finds names and bytes that were never synced', () => {
  fromSeeds((random) => {
    const before = grown(random);
    for (let killAt = 1; ; killAt += 1 + random.below(5)) {
      const disk = new RecordingDisk(before);
      disk.killAt = killAt;
      let first: Life | null = null;
      try {
        first = new Life(disk, setting);
        const work = new Work(first, random);
        work.append(2, 300);
        work.snapshot();
        disk.run();
        if (random.chance(0.5)) work.install();
        disk.run();
        break;
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
      }
      disk.kill();
      const second = new Life(disk, setting, first?.ledger ?? null);
      new Work(second, random).compact(second.storage.snapshots.newest);
      disk.run();
      count(explore(second, { ...options, bounds: options.secondBounds }, random));
    }
  });
});

test('a start that finds the newest snapshot bad goes on from the one before', () => {
  fromSeeds((random) => {
    const image = grown(random);
    const newest = [...image.keys()]
      .filter((name) => /^snapshot-\d/.test(name))
      .sort()
      .at(-1)!;
    const bad = image.get(newest)!.slice();
    bad[600]! ^= 1;
    const before = new Map(image).set(newest, bad);
    const life = exploreLife(before, random, (_, work) => work.append(1, 10), [bad]);
    const { snapshot, rot, snapshotsDamaged } = life.storage.recovered;
    assert.ok(rot === null && !life.storage.state.suspect);
    assert.ok(snapshot !== null && snapshotName(snapshot.index) < newest);
    assert.equal(snapshotsDamaged.length, 1);
  });
});

test('a start that finds both snapshots bad keeps everything, and is a suspect with nothing', () => {
  fromSeeds((random) => {
    const image = new Map(grown(random));
    for (const [name, bytes] of image) if (snapshotIndexOf(name) > 0) bytes[600]! ^= 1;
    const kept = [...image].filter(([name]) => /^(snapshot|wal)-\d/.test(name));
    const rotten = kept.map(([, bytes]) => bytes.slice());
    const life = exploreLife(image, random, (_, work) => work.append(1, 10), rotten);
    const { storage } = life;
    assert.ok(storage.state.suspect && storage.base.index === 0);
  });
});

test('that was much, and all of it was in it', () => {
  assert.ok(total.states > 1000 && total.secondStates > 300, JSON.stringify(total));
  assert.ok(seen.taken > 15 && seen.cuts > 8 && seen.installs > 5, JSON.stringify(seen));
});
