import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf } from '../../src/base/bytes.ts';
import { Prng } from '../../src/base/prng.ts';
import { Cells } from '../../src/kv/cells.ts';
import { KeySort } from '../../src/kv/key-sort.ts';

function common(a: string, b: string): string {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return a.slice(0, length);
}

function sorted(keys: readonly string[]): string[] {
  const cells = new Cells();
  const sort = new KeySort(cells, keys.length);
  keys.forEach((key, at) => {
    sort.put(at, cells.create(bytesOf(key), 0, key.length, 3, at + 1));
  });
  const shared = keys.length === 0 ? 0 : keys.reduce(common, keys[0]!).length;
  for (const cost of sort.sort(shared)) assert.ok(cost < 4096, `a slice of ${cost}`);
  return Array.from(sort.addresses, (address) => cells.key(address));
}

function check(keys: readonly string[], random: Prng): void {
  const order = [...keys].map((key) => ({ key, at: random.u32() }));
  const shuffled = order.sort((a, b) => a.at - b.at).map(({ key }) => key);
  assert.deepEqual(sorted(shuffled), [...keys].sort());
}

const unique = (keys: Iterable<string>) => [...new Set(keys)];

test('keys of few letters and any length, zeros and 255 among them', () => {
  const random = new Prng(1);
  for (const letters of ['\0', '\0\x01', '\0a', 'ab', '\0\x7f\x80\xff']) {
    for (const lengthMax of [1, 8, 30]) {
      for (const count of [0, 1, 2, 17, 3000]) {
        const keys = Array.from({ length: count }, () => {
          const length = random.below(lengthMax + 1);
          return Array.from({ length }, () => letters[random.below(letters.length)]).join('');
        });
        check(unique(keys), random);
      }
    }
  }
});

test('keys that begin the same, for long', () => {
  const random = new Prng(2);
  const numbers = Array.from({ length: 2000 }, (_, i) => i);
  const prefix = 'p'.repeat(1000);
  check(
    numbers.map((i) => `${prefix}${i}`),
    random,
  );
  check(
    numbers.map((i) => (i % 2 === 0 ? `session:${i}` : `counter:${i}:${prefix}`)),
    random,
  );
  check(
    numbers.map((i) => 'a'.repeat(i % 400) + (i < 400 ? '' : `${i}`)),
    random,
  );
  check(
    numbers.map((i) => `${'\0'.repeat(i % 20)}${i % 20 === i ? '' : i}`),
    random,
  );
});

test('a key that is there twice is found, among few and among many', () => {
  for (const count of [2, 10, 100, 1000]) {
    for (const length of [0, 3, 7, 8, 14, 15, 40]) {
      const keys = Array.from({ length: count }, (_, i) => `${i}`);
      const twice = 'k'.repeat(length);
      assert.throws(() => sorted([twice, ...keys, twice]), /a key is in it twice/);
      const alike = keys.map((key) => twice + key);
      assert.throws(() => sorted([...alike, alike[1]!]), /a key is in it twice/);
      assert.throws(() => sorted([...keys, ...keys.map(() => twice)]), /a key is in it twice/);
    }
  }
});
