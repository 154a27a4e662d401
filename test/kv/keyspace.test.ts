import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { byteString } from '../../src/base/bytes.ts';
import { revision } from '../../src/base/ids.ts';
import { Prng } from '../../src/base/prng.ts';
import { Keyspace } from '../../src/kv/keyspace.ts';
import { bytes } from './commands.ts';

const HASH_KEY = { low: 5, high: -6 };

function putBytes(keyspace: Keyspace, key: Uint8Array, value: Uint8Array, at: number): void {
  keyspace.set(key, 0, key.length, value, 0, value.length, revision(at));
}
function put(keyspace: Keyspace, key: string, value: string, at: number): void {
  putBytes(keyspace, bytes(key), bytes(value), at);
}

test('a key has its value and the revision that wrote it', () => {
  const keyspace = new Keyspace(HASH_KEY);
  assert.equal(keyspace.get(bytes('k')), undefined);
  put(keyspace, 'k', 'v', 3);
  put(keyspace, 'k', 'w', 5);
  assert.equal(keyspace.get(bytes('k'))?.value, 'w');
  assert.equal(keyspace.get(bytes('k'))?.modRevision, 5);
  assert.equal(keyspace.size, 1);
  assert.equal(keyspace.delete(bytes('k')), true);
  assert.equal(keyspace.delete(bytes('k')), false);
  assert.equal(keyspace.get(bytes('k')), undefined);
  assert.equal(keyspace.size, 0);
});

test('keys come in the order of their bytes', () => {
  const keyspace = new Keyspace(HASH_KEY);
  const keys = ['b', 'a', 'ÿ', '\0', 'aa', '', '\x7f', '\x80'];
  for (const key of keys) put(keyspace, key, 'v', 1);
  assert.deepEqual(
    [...keyspace.keysFrom(bytes(''))],
    ['', '\0', 'a', 'aa', 'b', '\x7f', '\x80', 'ÿ'],
  );
  assert.deepEqual([...keyspace.keysFrom(bytes('aa'))], ['aa', 'b', '\x7f', '\x80', 'ÿ']);
  keyspace.delete(bytes('b'));
  assert.deepEqual([...keyspace.keysFrom(bytes('aaa'))], ['\x7f', '\x80', 'ÿ']);
});

test('keys that trip objects used as maps, and bytes that are not UTF-8, stay apart', () => {
  const keyspace = new Keyspace(HASH_KEY);
  const keys = ['__proto__', 'constructor', 'toString', '\xc3\x28', '\xff', '\xfe', '\xef\xbf\xbd'];
  for (const key of keys) put(keyspace, key, `value of ${key}`, 1);
  assert.equal(keyspace.size, keys.length);
  for (const key of keys) assert.equal(keyspace.get(bytes(key))?.value, `value of ${key}`);
});

const content = fc.uniqueArray(
  fc.tuple(
    fc.uint8Array({ maxLength: 6 }),
    fc.uint8Array({ maxLength: 9 }),
    fc.integer({ min: 1, max: 1000 }),
  ),
  { selector: ([key]) => byteString(key), minLength: 1, maxLength: 20 },
);
type Content = readonly (readonly [Uint8Array, Uint8Array, number])[];

function digestOf(content: Content): number {
  const keyspace = new Keyspace(HASH_KEY);
  for (const [key, value, at] of content) {
    putBytes(keyspace, key, value, at);
  }
  return keyspace.digest;
}

test('the digest depends on keys, values, revisions and serials, not on how they came to be', () => {
  fc.assert(
    fc.property(content, content, (content, detour) => {
      const keyspace = new Keyspace(HASH_KEY);
      for (const [key] of content) put(keyspace, byteString(key), 'overwritten', 8);
      const there = new Set(content.map(([key]) => byteString(key)));
      for (const [key] of detour) {
        if (!there.has(byteString(key))) put(keyspace, byteString(key), 'detour', 7);
      }
      for (const [key, value, at] of [...content].reverse()) {
        putBytes(keyspace, key, value, at);
      }
      for (const [key] of detour) if (!there.has(byteString(key))) keyspace.delete(key);
      assert.equal(keyspace.digest, digestOf(content));
      for (const [key] of content) keyspace.delete(key);
      assert.equal(keyspace.digest, 0);
    }),
  );
});

test('a key that is created anew is another one', () => {
  const keyspace = new Keyspace(HASH_KEY);
  put(keyspace, 'k', 'v', 1);
  const { digest } = keyspace;
  keyspace.delete(bytes('k'));
  put(keyspace, 'k', 'v', 1);
  assert.notEqual(keyspace.digest, digest);
  assert.equal(keyspace.keysCreated, 2);
});

test('clear leaves nothing but the count of keys ever created', () => {
  const keyspace = new Keyspace(HASH_KEY);
  for (const key of ['a', 'b', 'c']) put(keyspace, key, 'v', 1);
  keyspace.clear();
  assert.equal(keyspace.size, 0);
  assert.equal(keyspace.digest, 0);
  assert.deepEqual([...keyspace.keysFrom(bytes(''))], []);
  assert.deepEqual([...keyspace.createdBefore(Number.POSITIVE_INFINITY)], []);
  assert.equal(keyspace.get(bytes('a')), undefined);
  put(keyspace, 'a', 'v', 2);
  assert.equal(keyspace.get(bytes('a'))?.serial, 4);
});

test('keys come in the order of their creation, the newest first', () => {
  const keyspace = new Keyspace(HASH_KEY);
  for (const key of ['b', 'a', 'c', 'd']) put(keyspace, key, 'v', 1);
  put(keyspace, 'b', 'w', 2);
  keyspace.delete(bytes('c'));
  const before = (serial: number) => [...keyspace.createdBefore(serial)].map(({ key }) => key);
  assert.deepEqual(before(Number.POSITIVE_INFINITY), ['d', 'a', 'b']);
  assert.deepEqual(before(4), ['a', 'b']);
  assert.deepEqual(before(3), ['a', 'b']);
  assert.deepEqual(before(2), ['b']);
  assert.deepEqual(before(1), []);
});

test('the digest tells contents apart that differ in one key, one value, or one revision', () => {
  fc.assert(
    fc.property(content, (content) => {
      const digest = digestOf(content);
      const [key, value, at] = content[0]!;
      const rest = content.slice(1);
      assert.notEqual(digestOf(rest), digest);
      assert.notEqual(digestOf([[key, value, at + 1], ...rest]), digest);
      assert.notEqual(digestOf([[key, Uint8Array.of(...value, 0), at], ...rest]), digest);
    }),
  );
  const shifted = digestOf([[bytes('a'), bytes('bc'), 1]]);
  assert.notEqual(digestOf([[bytes('ab'), bytes('c'), 1]]), shifted);
});

test('against a Map: values of every length, overwritten, deleted, in order', () => {
  const random = new Prng(11);
  const keyspace = new Keyspace(HASH_KEY);
  const model = new Map<string, { value: string; at: number }>();
  for (let at = 1; at <= 30_000; at++) {
    const key = `key:${random.below(700)}`;
    if (random.chance(Math.floor(at / 6000) % 2 === 0 ? 0.8 : 0.4)) {
      const length = random.chance(0.02) ? random.below(100_000) : random.below(300);
      const value = String.fromCharCode(random.below(256)).repeat(length);
      put(keyspace, key, value, at);
      model.set(key, { value, at });
    } else assert.equal(keyspace.delete(bytes(key)), model.delete(key));
    const probe = `key:${random.below(700)}`;
    assert.equal(keyspace.value(bytes(probe)), model.get(probe)?.value);
    assert.equal(keyspace.size, model.size);
  }
  assert.deepEqual([...keyspace.keysFrom()], [...model.keys()].sort());
  let serial = Number.POSITIVE_INFINITY;
  for (const item of keyspace.createdBefore(serial)) {
    assert.ok(item.serial < serial);
    serial = item.serial;
    assert.equal(item.value, model.get(item.key)?.value);
    assert.equal(item.modRevision, model.get(item.key)?.at);
    model.delete(item.key);
  }
  assert.equal(model.size, 0);
});

test('a revision of more than 32 bits', () => {
  const keyspace = new Keyspace(HASH_KEY);
  put(keyspace, 'k', 'v', Number.MAX_SAFE_INTEGER);
  assert.equal(keyspace.get(bytes('k'))?.modRevision, Number.MAX_SAFE_INTEGER);
});
