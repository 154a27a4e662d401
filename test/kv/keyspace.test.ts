import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { byteString } from '../../src/base/bytes.ts';
import { revision } from '../../src/base/ids.ts';
import { Keyspace } from '../../src/kv/keyspace.ts';
import { bytes } from './commands.ts';

function put(keyspace: Keyspace, key: string, value: string, at: number): void {
  keyspace.set(key, bytes(key), bytes(value), revision(at));
}

test('a key has its value and the revision that wrote it', () => {
  const keyspace = new Keyspace();
  assert.equal(keyspace.get('k'), undefined);
  put(keyspace, 'k', 'v', 3);
  put(keyspace, 'k', 'w', 5);
  assert.equal(keyspace.get('k')?.value, 'w');
  assert.equal(keyspace.get('k')?.modRevision, 5);
  assert.equal(keyspace.size, 1);
  assert.equal(keyspace.delete('k'), true);
  assert.equal(keyspace.delete('k'), false);
  assert.equal(keyspace.get('k'), undefined);
  assert.equal(keyspace.size, 0);
});

test('keys come in the order of their bytes', () => {
  const keyspace = new Keyspace();
  const keys = ['b', 'a', 'ÿ', '\0', 'aa', '', '\x7f', '\x80'];
  for (const key of keys) put(keyspace, key, 'v', 1);
  assert.deepEqual([...keyspace.keysFrom('')], ['', '\0', 'a', 'aa', 'b', '\x7f', '\x80', 'ÿ']);
  assert.deepEqual([...keyspace.keysFrom('aa')], ['aa', 'b', '\x7f', '\x80', 'ÿ']);
  keyspace.delete('b');
  assert.deepEqual([...keyspace.keysFrom('aaa')], ['\x7f', '\x80', 'ÿ']);
});

test('keys that trip objects used as maps, and bytes that are not UTF-8, stay apart', () => {
  const keyspace = new Keyspace();
  const keys = ['__proto__', 'constructor', 'toString', '\xc3\x28', '\xff', '\xfe', '\xef\xbf\xbd'];
  for (const key of keys) put(keyspace, key, `value of ${key}`, 1);
  assert.equal(keyspace.size, keys.length);
  for (const key of keys) assert.equal(keyspace.get(key)?.value, `value of ${key}`);
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
  const keyspace = new Keyspace();
  for (const [key, value, at] of content) {
    keyspace.set(byteString(key), key, value, revision(at));
  }
  return keyspace.digest;
}

test('the digest depends on keys, values, revisions and serials, not on how they came to be', () => {
  fc.assert(
    fc.property(content, content, (content, detour) => {
      const keyspace = new Keyspace();
      for (const [key] of content) put(keyspace, byteString(key), 'overwritten', 8);
      const there = new Set(content.map(([key]) => byteString(key)));
      for (const [key] of detour) {
        if (!there.has(byteString(key))) put(keyspace, byteString(key), 'detour', 7);
      }
      for (const [key, value, at] of [...content].reverse()) {
        keyspace.set(byteString(key), key, value, revision(at));
      }
      for (const [key] of detour) if (!there.has(byteString(key))) keyspace.delete(byteString(key));
      assert.equal(keyspace.digest, digestOf(content));
      for (const [key] of content) keyspace.delete(byteString(key));
      assert.equal(keyspace.digest, 0);
    }),
  );
});

test('a key that is created anew is another one', () => {
  const keyspace = new Keyspace();
  put(keyspace, 'k', 'v', 1);
  const { digest } = keyspace;
  keyspace.delete('k');
  put(keyspace, 'k', 'v', 1);
  assert.notEqual(keyspace.digest, digest);
  assert.equal(keyspace.keysCreated, 2);
});

test('clear leaves nothing but the count of keys ever created', () => {
  const keyspace = new Keyspace();
  for (const key of ['a', 'b', 'c']) put(keyspace, key, 'v', 1);
  keyspace.clear();
  assert.equal(keyspace.size, 0);
  assert.equal(keyspace.digest, 0);
  assert.deepEqual([...keyspace.keysFrom('')], []);
  assert.deepEqual([...keyspace.createdBefore(Number.POSITIVE_INFINITY)], []);
  assert.equal(keyspace.get('a'), undefined);
  put(keyspace, 'a', 'v', 2);
  assert.equal(keyspace.get('a')?.serial, 4);
});

test('keys come in the order of their creation, the newest first', () => {
  const keyspace = new Keyspace();
  for (const key of ['b', 'a', 'c', 'd']) put(keyspace, key, 'v', 1);
  put(keyspace, 'b', 'w', 2);
  keyspace.delete('c');
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
