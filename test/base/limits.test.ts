import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AssertionError } from '../../src/base/assert.ts';
import { index, indexPlus, term } from '../../src/base/ids.ts';
import { checkLimits, defaultLimits, type Limits } from '../../src/base/limits.ts';

test('the default limits fit each other', () => {
  checkLimits(defaultLimits);
});

test('limits that do not fit each other are named', () => {
  const broken: [Partial<Limits>, RegExp][] = [
    [{ keyBytesMax: 0 }, /keyBytesMax >= 1/],
    [{ valueBytesMax: 2 ** 22 }, /entryBytesMax holds/],
    [{ batchBytesMax: 2 ** 20 }, /batchBytesMax holds/],
    [{ segmentBytes: 2 ** 20 }, /segmentBytes holds/],
    [{ segmentBytes: 2 ** 24 + 1 }, /multiple of 512/],
    [{ peerFrameBytesMax: 2 ** 20 }, /peerFrameBytesMax holds/],
    [{ inflightMessagesMax: 0 }, /inflightMessagesMax >= 1/],
    [{ peerOutputBytesMax: 2 ** 20 }, /peerOutputBytesMax holds/],
    [{ clientPauseOutputBytes: 2 ** 30 }, /clientPauseOutputBytes </],
    [{ clientsMax: 0 }, /clientsMax >= 1/],
    [{ clientRefusalsMax: 1000 }, /descriptorsReserved holds/],
    [{ peerStrangersMax: 1000 }, /descriptorsReserved holds/],
    [{ clientStrangersBytesMax: 2 ** 20 }, /clientStrangersBytesMax holds/],
    [{ clientsBytesMax: 2 ** 26 }, /clientsBytesMax holds/],
    [{ clientStrangerGraceMs: 2 ** 20 }, /clientStrangerGraceMs <=/],
  ];
  for (const [change, name] of broken) {
    assert.throws(() => checkLimits({ ...defaultLimits, ...change }), name);
  }
});

test('a number out of range is no term and no index', () => {
  for (const value of [-1, 0.5, Number.NaN, 2 ** 53]) {
    assert.throws(() => term(value), AssertionError);
    assert.throws(() => index(value), AssertionError);
  }
  assert.equal(indexPlus(index(5), -2), 3);
});
