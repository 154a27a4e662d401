import { assert } from '../../base/assert.ts';
import { native } from '../../base/native.ts';
import type { Prng } from '../../base/prng.ts';
import { SLOT_NAMES } from '../../storage/hard-state.ts';
import { isRefusal } from '../../storage/refusal.ts';
import { Storage } from '../../storage/storage.ts';
import { type Life, start, tryStart } from './life.ts';
import { type Bounds, Reachable } from './reachable.ts';
import { type Image, RecordingDisk } from './recording-disk.ts';

export interface ExploreOptions {
  readonly bounds: Bounds;
  /** At each of the operations of the start that follows, a second crash: less of them, for each of
   *  so many first ones. */
  readonly secondBounds: Bounds;
  readonly secondEvery: number;
  /** For each of so many, each slot of the hard state goes bad as well. */
  readonly slotEvery: number;
  /** Files that a start may find rotten; it must keep what is in them. */
  readonly rotten: readonly Uint8Array[];
}

export interface Explored {
  /** Instants at which a crash was looked at. */
  instants: number;
  /** Different states of the disk that a start was made from. */
  states: number;
  /** And in the middle of such a start. */
  secondStates: number;
  /** Starts that had to do with one slot of the hard state. */
  slots: number;
  /** Starts that cut a torn tail. */
  torn: number;
  /** Starts that found rot. */
  rot: number;
}

/**
 * Every state of its disk that a crash during this life could have left is recovered by the real
 * recovery, and judged. Throws where one is not as promised.
 */
export function explore(life: Life, options: ExploreOptions, random: Prng): Explored {
  const explored: Explored = { instants: 0, states: 0, secondStates: 0, slots: 0, torn: 0, rot: 0 };
  const reachable = new Reachable(life.disk);
  const seen = new Set<string>();
  let at = 0;
  for (; at < life.startedAt; at++) reachable.step();
  do {
    explored.instants++;
    const epoch = life.ledger.epoch(at);
    for (const image of reachable.images(options.bounds, random)) {
      const key = `${epoch} ${fingerprint(image)}`;
      if (seen.has(key)) continue;
      seen.add(key);
      explored.states++;
      const disk = recoverAndJudge(life, at, image, options, explored);
      if (explored.states % options.slotEvery === 0) judgeSlots(life, at, image, explored);
      if (explored.states % options.secondEvery === 0) {
        exploreSecond(life, at, disk, options, explored, random);
      }
    }
    at++;
  } while (reachable.step());
  return explored;
}

/** The start after the crash is cut short in its turn, and the next one judged. */
function exploreSecond(
  life: Life,
  at: number,
  disk: RecordingDisk,
  options: ExploreOptions,
  explored: Explored,
  random: Prng,
): void {
  const reachable = new Reachable(disk);
  const seen = new Set<string>();
  do {
    for (const image of reachable.images(options.secondBounds, random)) {
      const key = fingerprint(image);
      if (seen.has(key)) continue;
      seen.add(key);
      explored.secondStates++;
      recoverAndJudge(life, at, image, options, explored);
    }
  } while (reachable.step());
}

/**
 * A slot that has gone bad besides: the other one alone is enough for all that was promised, or it
 * was being written just then, and the start must refuse.
 */
function judgeSlots(life: Life, at: number, image: Image, explored: Explored): void {
  for (const slot of SLOT_NAMES) {
    const bytes = image.get(slot)?.slice();
    if (bytes === undefined || bytes.length === 0) continue;
    bytes[bytes.length - 1]! ^= 1;
    const disk = new RecordingDisk(new Map(image).set(slot, bytes));
    const found = tryStart(disk, life.setting);
    if (isRefusal(found)) continue;
    explored.slots++;
    life.ledger.judge(at, found);
  }
}

function recoverAndJudge(
  life: Life,
  at: number,
  image: Image,
  { rotten }: ExploreOptions,
  explored: Explored,
): RecordingDisk {
  const disk = new RecordingDisk(image);
  try {
    const isEmpty = Storage.isEmpty(disk);
    assert(!isEmpty || !life.ledger.wasOpened(at), () => 'what was opened once is empty again');
    const found = start(disk, life.setting);
    life.ledger.judge(at, found);
    const { tornBytes, rot } = found.storage.recovered;
    if (tornBytes > 0) explored.torn++;
    if (rot !== null) explored.rot++;
    assert(rot === null || rotten.length > 0, () => `taken for rot: ${rot!.file}, ${rot!.what}`);
    const files = [...disk.image().values()];
    for (const bytes of rotten) {
      assert(
        files.some((file) => isSame(file, bytes)),
        () => 'what was rotten is not kept',
      );
    }
  } catch (error) {
    const what = (error as Error).message;
    throw new Error(`after operation ${at} of ${life.disk.operations.length}: ${what}`, {
      cause: error,
    });
  }
  return disk;
}

function fingerprint(image: Image): string {
  const parts = [...image].map(([name, bytes]) => {
    return `${name} ${bytes.length} ${native.crc32(bytes, 0, bytes.length, 0)}`;
  });
  return parts.sort().join();
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}
