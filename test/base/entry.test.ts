import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { writeU32 } from '../../src/base/bytes.ts';
import {
  decodeEntry,
  ENTRY_HEADER_BYTES,
  Entry,
  EntryType,
  sealEntry,
  unsealedRecord,
} from '../../src/base/entry.ts';
import { index, term } from '../../src/base/ids.ts';
import { native } from '../../src/base/native.ts';

const MAX = 10_000;

function sample(payload = Uint8Array.of(1, 2, 3)): Entry {
  return sealEntry(unsealedRecord(payload), EntryType.Command, term(7), index(9));
}

test('an entry is what was sealed', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom(...Object.values(EntryType)),
      fc.maxSafeNat(),
      fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      fc.nat(50),
      (payload, type, inTerm, at, offset) => {
        const entry = sealEntry(unsealedRecord(payload), type, term(inTerm), index(at));
        const around = new Uint8Array(offset + entry.record.length + 5).fill(0xaa);
        around.set(entry.record, offset);
        const decoded = decodeEntry(around, offset, around.length, MAX);
        assert.ok(decoded instanceof Entry);
        assert.deepEqual(
          [decoded.type, decoded.term, decoded.index, decoded.payload],
          [type, inTerm, at, payload],
        );
        assert.deepEqual(decoded.record, entry.record);
      },
    ),
  );
});

test('every bit of a record flipped, one at a time: never an entry', () => {
  const { record } = sample();
  for (let bit = 0; bit < record.length * 8; bit++) {
    const flipped = record.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(typeof decodeEntry(flipped, 0, flipped.length, MAX), 'string', `bit ${bit}`);
  }
});

test('every prefix of a record is too short', () => {
  const { record } = sample();
  for (let length = 0; length < record.length; length++) {
    assert.equal(decodeEntry(record, 0, length, MAX), 'short');
  }
});

test('zeros are no entry, however many', () => {
  for (const length of [0, 1, ENTRY_HEADER_BYTES, 4096]) {
    assert.equal(typeof decodeEntry(new Uint8Array(length), 0, length, MAX), 'string');
  }
});

test('a well-checksummed record may still be none', () => {
  const change = (at: number, value: number) => {
    const record = sample().record.slice();
    record[at] = value;
    writeU32(record, 0, native.crc32(record, 4, record.length, 0));
    return decodeEntry(record, 0, record.length, MAX);
  };
  assert.equal(change(8, 0), 'type');
  assert.equal(change(8, 4), 'type');
  assert.equal(change(8, 0x80), 'type');
  assert.equal(change(9, 2), 'version');
  assert.equal(change(19, 0xff), 'number');
  assert.equal(change(27, 0xff), 'number');
  assert.equal(change(20, 0), 'number');
  assert.equal(change(4, 5), 'length');
});

test('a record longer than allowed is refused before its bytes are there', () => {
  const { record } = sample(new Uint8Array(100));
  assert.equal(decodeEntry(record, 0, ENTRY_HEADER_BYTES, record.length - 1), 'length');
  assert.ok(decodeEntry(record, 0, record.length, record.length) instanceof Entry);
});

test('any bytes: an entry or a reason, never an exception', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      decodeEntry(bytes, 0, bytes.length, MAX);
    }),
  );
});
