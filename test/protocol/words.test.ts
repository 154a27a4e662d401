import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isWord, wordHash } from '../../src/protocol/words.ts';
import { bytes } from './chunks.ts';

test('the case of letters does not matter, and that of nothing else is changed', () => {
  assert.ok(isWord(bytes('LIB-NAME'), 'lib-name'));
  assert.ok(isWord(bytes('lib-Name'), 'lib-name'));
  assert.ok(!isWord(bytes('lib\rname'), 'lib-name'), 'CR is no upper-case minus');
  assert.ok(!isWord(bytes('lib-nam'), 'lib-name'));
  assert.ok(!isWord(bytes('lib-names'), 'lib-name'));
  assert.ok(!isWord(bytes('[et'), '{et'), 'nor are brackets');
  assert.ok(isWord(bytes(''), ''));
});

test('the same hash for every case', () => {
  assert.equal(wordHash(bytes('GeT')), wordHash(bytes('get')));
  assert.notEqual(wordHash(bytes('get')), wordHash(bytes('set')));
  const long = wordHash(bytes('x'.repeat(10_000)));
  assert.ok(Number.isInteger(long) && long >= 0);
});
