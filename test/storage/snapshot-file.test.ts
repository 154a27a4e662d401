import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf, concatBytes, writeU32 } from '../../src/base/bytes.ts';
import { index, term } from '../../src/base/ids.ts';
import { native } from '../../src/base/native.ts';
import {
  blockNumberAt,
  chunkEnd,
  encodeSnapshotHeader,
  incomingName,
  isSnapshotLeftover,
  SNAPSHOT_FOOTER_BYTES,
  type SnapshotMeta,
  snapshotIndexOf,
  snapshotName,
} from '../../src/storage/snapshot-file.ts';
import { SnapshotVerifier } from '../../src/storage/snapshot-verifier.ts';
import { fileOf } from './snapshots.ts';

const meta: SnapshotMeta = {
  index: index(7),
  term: term(3),
  id: 0x1234567890,
  configuration: bytesOf('abc'),
};
const payload = bytesOf('what the state is');
const BLOCK = 10;

/** Why the bytes are no snapshot; null: they are one. */
function defectOf(bytes: Uint8Array): string | null {
  const verifier = new SnapshotVerifier();
  const taken = verifier.take(bytes, 0, bytes.length, () => {});
  if (typeof taken === 'string') return taken;
  return verifier.isWhole && taken === bytes.length ? null : 'not whole';
}

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

// The checksums are those that Python's zlib.crc32 gives.
test('byte by byte', () => {
  const { bytes, shape, snapshot } = fileOf(meta, payload, BLOCK);
  const header =
    `${hexOf(bytesOf('DKVSSNAP'))}0100000000020000` +
    '0700000000000000' +
    '0300000000000000' +
    '9078563412000000' +
    '0a00000003000000' +
    '616263';
  assert.equal(hexOf(bytes.subarray(0, 51)), header);
  assert.ok(bytes.subarray(51, 508).every((byte) => byte === 0));
  assert.equal(hexOf(bytes.subarray(508, 512)), '3c96b3d4');
  const first = `0a0000000e910587${hexOf(payload.subarray(0, 10))}`;
  const second = `07000000602ba1be${hexOf(payload.subarray(10))}`;
  assert.equal(hexOf(bytes.subarray(512, 530)), first);
  assert.equal(hexOf(bytes.subarray(530, 545)), second);
  const footer = '00000000' + '4b684d9e' + '0200000000000000' + '4102000000000000';
  assert.equal(hexOf(bytes.subarray(545)), `${footer}4695b196${hexOf(bytesOf('DEND'))}`);
  assert.deepEqual(shape, { headerBytes: 512, blockBytes: 10, fileCrc: shape.fileCrc, bytes: 577 });
  assert.deepEqual(snapshot, { ...meta, bytes: 577 });
});

test('what was written is read, however it is cut', () => {
  for (const length of [0, 1, 9, 10, 11, 20, 50]) {
    const state = Uint8Array.from({ length }, (_, i) => i);
    const { bytes, snapshot } = fileOf(meta, state, BLOCK);
    for (let step = 1; step <= bytes.length; step += step < 40 ? 13 : 101) {
      const verifier = new SnapshotVerifier();
      const blocks: Uint8Array[] = [];
      for (let to = step; verifier.offset < bytes.length; to += step) {
        const from = verifier.offset;
        const end = Math.min(to, bytes.length);
        const taken = verifier.take(bytes, from, end, (block) => blocks.push(block.slice()));
        assert.equal(taken, verifier.offset);
      }
      assert.ok(verifier.isWhole);
      assert.deepEqual(concatBytes(blocks), state);
      assert.deepEqual(verifier.snapshot, snapshot);
    }
  }
});

test('every byte counts: flipped, cut off, or one too many', () => {
  const { bytes } = fileOf(meta, payload, BLOCK);
  assert.equal(defectOf(bytes), null);
  for (let at = 0; at < bytes.length; at++) {
    for (const flip of [0x01, 0x80]) {
      const bad = bytes.slice();
      bad[at]! ^= flip;
      assert.notEqual(defectOf(bad), null, `byte ${at}`);
    }
    assert.notEqual(defectOf(bytes.subarray(0, at)), null, `cut at ${at}`);
  }
  assert.notEqual(defectOf(concatBytes([bytes, Uint8Array.of(0)])), null);
});

test('the footer covers all of the file: every block is right, but one is of another', () => {
  for (const length of [3, 10, 27]) {
    const state = Uint8Array.from({ length }, (_, i) => 3 * i);
    const { bytes, shape } = fileOf(meta, state, BLOCK);
    const footerAt = bytes.length - SNAPSHOT_FOOTER_BYTES;
    assert.equal(shape.fileCrc, native.crc32(bytes, 0, footerAt, 0));
    const other = fileOf(meta, state.slice().fill(9, 0, 1), BLOCK).bytes;
    const mixed = concatBytes([other.subarray(0, footerAt), bytes.subarray(footerAt)]);
    assert.equal(defectOf(mixed), 'the footer is bad');
  }
});

test('a block of another snapshot, or from another place, is none', () => {
  const state = new Uint8Array(30).fill(7);
  const { bytes } = fileOf(meta, state, BLOCK);
  const other = fileOf({ ...meta, id: 5 }, state, BLOCK).bytes;
  const mixed = bytes.slice();
  mixed.set(other.subarray(530, 548), 530);
  assert.equal(defectOf(mixed), 'block 1 is bad');
  const moved = bytes.slice();
  moved.set(bytes.subarray(512, 530), 530);
  assert.equal(defectOf(moved), 'block 1 is bad');
  const one = bytes.slice();
  assert.equal(hexOf(bytes.subarray(520, 530)), hexOf(bytes.subarray(538, 548)));
  assert.equal(defectOf(one), null);
});

test('zeros are nothing, and a later version is told from rot', () => {
  assert.match(defectOf(new Uint8Array(1024)) ?? '', /header is bad \(magic\)/);
  const header = encodeSnapshotHeader(meta, BLOCK);
  header[8] = 2;
  const rotten = new SnapshotVerifier();
  rotten.take(header, 0, header.length, () => {});
  assert.ok(!rotten.unknownVersion);
  writeU32(header, 508, native.crc32(header, 0, 508, 0));
  const later = new SnapshotVerifier();
  later.take(header, 0, header.length, () => {});
  assert.ok(later.unknownVersion);
});

test('a configuration that needs it gets more than a sector', () => {
  const configuration = new Uint8Array(1500).fill(3);
  const { bytes, snapshot } = fileOf({ ...meta, configuration }, payload, BLOCK);
  assert.deepEqual(snapshot.configuration, configuration);
  assert.equal(defectOf(bytes), null);
});

test('chunks are whole pieces, as many as fit, and cover the file', () => {
  for (const length of [0, 5, 10, 25, 30, 95]) {
    const { bytes, shape } = fileOf(meta, new Uint8Array(length).fill(1), BLOCK);
    for (const bytesMax of [1, 17, 18, 36, 40, 512, 530, 560, 2000]) {
      let blocks = 0;
      for (let from = 0; from < bytes.length; ) {
        const end = chunkEnd(shape, from, bytesMax);
        assert.ok(end > from && end <= bytes.length, `${from} of ${bytes.length}: ${end}`);
        if (end - from > bytesMax) {
          const piece =
            from === 0 ? 512 : Math.min(18, bytes.length - SNAPSHOT_FOOTER_BYTES - from);
          const isOne = end - from === piece || end - from === SNAPSHOT_FOOTER_BYTES;
          assert.ok(isOne, `one piece at ${from}: ${end}`);
        }
        if (from > 0 && from < bytes.length - SNAPSHOT_FOOTER_BYTES) {
          assert.equal(blockNumberAt(shape, from), blocks);
        }
        const inBlocks = Math.min(end, bytes.length - SNAPSHOT_FOOTER_BYTES) - Math.max(from, 512);
        if (inBlocks > 0) blocks += Math.ceil(inBlocks / 18);
        from = end;
      }
    }
    for (const inside of [1, 511, 513, bytes.length - 1, bytes.length, -1]) {
      const isPiece = inside === bytes.length - SNAPSHOT_FOOTER_BYTES;
      if (!isPiece) assert.equal(chunkEnd(shape, inside, 100), 0, `${inside}`);
    }
  }
});

test('names', () => {
  assert.equal(snapshotName(index(42)), 'snapshot-0000000000000042');
  assert.equal(snapshotIndexOf('snapshot-0000000000000042'), 42);
  for (const name of ['snapshot-42', 'snapshot-next', 'rot-1-snapshot-0000000000000042']) {
    assert.equal(snapshotIndexOf(name), 0);
  }
  assert.ok(isSnapshotLeftover(incomingName(index(42))) && isSnapshotLeftover('snapshot-next'));
  assert.ok(!isSnapshotLeftover('snapshot-0000000000000042'));
});
