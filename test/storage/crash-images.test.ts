import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Entry } from '../../src/base/entry.ts';
import { index, NOBODY, nodeId, term } from '../../src/base/ids.ts';
import { defaultLimits } from '../../src/base/limits.ts';
import type { HardState } from '../../src/base/persist.ts';
import { Prng } from '../../src/base/prng.ts';
import { type Explored, type ExploreOptions, explore } from '../../src/sim/crash-images/explore.ts';
import { Life } from '../../src/sim/crash-images/life.ts';
import { type Image, Killed, RecordingDisk } from '../../src/sim/crash-images/recording-disk.ts';
import { entry, directory as small } from './world.ts';

/**
 * Every state that a power loss could leave of a disk, from the recorded writes and syncs of the real
 * storage code (DESIGN §9.5). DKVS_CRASH_STATES=5000 looks at far more of them at each instant.
 */

const statesMax = Number(process.env['DKVS_CRASH_STATES'] ?? 200);
const seeds = Number(process.env['DKVS_CRASH_SEEDS'] ?? 2);
const firstSeed = Number(process.env['DKVS_CRASH_FIRST'] ?? 1);
const SECTOR_BYTES = 512;
/** In one life. */
const ACTIONS = 12;
/** With these, an update of the hard state changes several sectors of a slot. */
const directory = { ...small, membersImage: new Uint8Array(700).fill(77) };
const setting = {
  limits: { ...defaultLimits, segmentBytes: 3 * 1024, batchBytesMax: 2 * 1024 },
  directory,
};
const secondBounds = { statesMax: 8, samples: 6 };
const options: ExploreOptions = {
  bounds: { statesMax, samples: Math.ceil(statesMax / 4) },
  secondBounds,
  secondEvery: 24,
  slotEvery: 6,
  rotten: [],
};
const total: Explored = { instants: 0, states: 0, secondStates: 0, slots: 0, torn: 0, rot: 0 };
const count = (explored: Explored): void => {
  for (const [what, times] of Object.entries(explored)) total[what as keyof Explored] += times;
};
after(() => console.log(`# crash images: ${JSON.stringify(total)}`));

/** Anything that a core may ask of its storage, in any order, with the disk anywhere behind. */
function work(life: Life, random: Prng): void {
  const { disk, ledger, storage } = life;
  let { currentTerm, votedFor, suspect } = storage.state;
  const anew = () => {
    currentTerm = term(currentTerm + 1 + random.below(2));
    votedFor = random.chance(0.5) ? NOBODY : nodeId(1 + random.below(3));
    return { currentTerm, votedFor, suspect };
  };
  const some = (from: number) =>
    Array.from({ length: 1 + random.below(3) }, (_, i) => {
      const text = 'x'.repeat(random.chance(0.5) ? random.below(60) : random.below(1500));
      return entry(from + i, currentTerm, text);
    });
  for (let action = 0; action < ACTIONS; action++) {
    const length = ledger.log.length;
    switch (random.below(8)) {
      case 0:
        life.persist({ hardState: anew() });
        break;
      case 1:
        life.persist({ hardState: anew(), entries: some(length + 1) });
        break;
      case 2:
        if (length > 0) cut(life, 1 + random.below(length), anew(), some);
        break;
      case 3:
        storage.writeMark();
        break;
      case 4:
        if (random.chance(0.5)) life.admit();
        else if (suspect) {
          suspect = false;
          life.persist({ hardState: { currentTerm, votedFor, suspect } });
        }
        break;
      default:
        if (currentTerm > 0) life.persist({ entries: some(length + 1) });
    }
    if (random.chance(0.3)) disk.run();
    for (let steps = random.below(4); steps > 0; steps--) disk.step();
  }
  disk.run();
}

/** A later leader's log differs from here on; at times it has nothing to put in its place. */
function cut(life: Life, at: number, hardState: HardState, some: (from: number) => Entry[]): void {
  const entries = at % 2 === 0 ? some(at) : [];
  life.persist({ hardState, truncateFrom: index(at), entries });
}

function exploreLife(
  before: Image,
  random: Prng,
  body: (life: Life, random: Prng) => void,
  rotten: Uint8Array[] = [],
): void {
  const life = new Life(new RecordingDisk(before), setting);
  body(life, random);
  count(explore(life, { ...options, rotten }, random));
}

/** A life of each kind, from each of a few seeds. */
function fromSeeds(body: (random: Prng) => void): void {
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    try {
      body(new Prng(seed));
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
    }
  }
}

test('a first start, a life, and a clean stop', () => {
  fromSeeds((random) => {
    exploreLife(new Map(), random, (life) => {
      work(life, random);
      life.close();
    });
  });
});

/** A directory after a life that was killed: no mark behind its last batch. */
function killed(random: Prng): Image {
  const life = new Life(new RecordingDisk(), setting);
  work(life, random);
  const { currentTerm, votedFor, suspect } = life.storage.state;
  const inTerm = term(currentTerm + 1);
  life.persist({ hardState: { currentTerm: inTerm, votedFor, suspect } });
  life.disk.run();
  life.persist({ entries: [entry(life.ledger.log.length + 1, inTerm, 'x'.repeat(1200))] });
  life.disk.run();
  return life.disk.image();
}

const segmentsOf = (image: Image) =>
  [...image.keys()].filter((name) => /^wal-\d/.test(name)).sort();

/** The image, with this done to a copy of one of its files. */
function changed(image: Image, file: string, change: (bytes: Uint8Array) => void): Image {
  const bytes = image.get(file)!.slice();
  change(bytes);
  return new Map(image).set(file, bytes);
}

test('a life after a kill, and one after a torn tail', () => {
  fromSeeds((random) => {
    const before = killed(random);
    exploreLife(before, random, work);
    const last = segmentsOf(before).at(-1)!;
    const end = before.get(last)!.findLastIndex((byte) => byte !== 0);
    const from = end - (end % SECTOR_BYTES);
    if (from === 0) return;
    const torn = changed(before, last, (bytes) => bytes.fill(0, from));
    exploreLife(torn, random, work);
  });
});

test('a start after a kill at any operation finds a page cache that was never synced', () => {
  fromSeeds((random) => {
    for (const before of [new Map(), killed(random)]) {
      for (let killAt = 1; ; killAt += 1 + random.below(6)) {
        const disk = new RecordingDisk(before);
        disk.killAt = killAt;
        let first: Life | null = null;
        try {
          first = new Life(disk, setting);
          work(first, random);
          break;
        } catch (error) {
          if (!(error instanceof Killed)) throw error;
        }
        disk.kill();
        const second = new Life(disk, setting, first?.ledger ?? null);
        count(explore(second, { ...options, bounds: secondBounds }, random));
      }
    }
  });
});

test('a life of a suspect: rot in the middle, in the last batch, and in the first of all', () => {
  fromSeeds((random) => {
    const sound = new Life(new RecordingDisk(), setting);
    work(sound, random);
    sound.close();
    const image = sound.disk.image();
    const files = segmentsOf(image);
    for (const [file, at] of [
      [files[random.below(files.length)]!, 20],
      [files.at(-1)!, SECTOR_BYTES + 70],
      [files[0]!, SECTOR_BYTES + 70],
    ] as const) {
      const rotten = changed(image, file, (bytes) => {
        bytes[at]! ^= 1;
      });
      exploreLife(rotten, random, work, [rotten.get(file)!]);
    }
  });
});

test('a full disk: what fits goes on, and the rest waits', () => {
  fromSeeds((random) => {
    exploreLife(killed(random), random, (life) => {
      const { disk, storage } = life;
      disk.capacityBytes = [...disk.image().values()].reduce((sum, { length }) => sum + length, 0);
      work(life, random);
      disk.capacityBytes = Number.POSITIVE_INFINITY;
      storage.retryAllocation();
      disk.run();
    });
  });
});

test('that was much, and torn tails and rot were in it', () => {
  assert.ok(total.states > 2000 && total.secondStates > 1000, JSON.stringify(total));
  assert.ok(total.torn > 300 && total.rot > 50 && total.slots > 300, JSON.stringify(total));
});
