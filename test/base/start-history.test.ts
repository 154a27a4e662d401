import assert from 'node:assert/strict';
import { test } from 'node:test';
import { incarnation } from '../../src/base/ids.ts';
import { historyBytes, STARTS_MAX, startAgo, withStart } from '../../src/base/start-history.ts';

const id = (start: number) => new Uint8Array(8).fill(start);

test('a history holds the last starts, each in its place, as many as were counted', () => {
  let history: Uint8Array = new Uint8Array(0);
  for (let start = 1; start <= 3 * STARTS_MAX; start++) {
    history = withStart(history, id(start));
    assert.equal(history.length, historyBytes(incarnation(start)));
    for (let ago = 0; ago < 4 * STARTS_MAX; ago++) {
      const kept = ago < Math.min(start, STARTS_MAX);
      assert.deepEqual(startAgo(history, ago), kept ? id(start - ago) : null);
    }
  }
});

test('what is taken out of a history, or put into it, is a copy', () => {
  const first = id(1);
  const history = withStart(new Uint8Array(0), first);
  first.fill(9);
  startAgo(history, 0)!.fill(9);
  assert.deepEqual(history, id(1));
});

test('a start id has eight bytes', () => {
  assert.throws(() => withStart(new Uint8Array(0), new Uint8Array(7)), /a start id of 7 bytes/);
});
