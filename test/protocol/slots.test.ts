import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc16, keySlot } from '../../src/protocol/slots.ts';
import { bytes } from './chunks.ts';

const slot = (key: string) => keySlot(bytes(key));

test('CRC-16/XMODEM', () => {
  assert.equal(crc16(bytes('123456789')), 0x31c3);
  assert.equal(crc16(bytes('')), 0);
  assert.equal(crc16(bytes('x123456789x'), 1, 10), 0x31c3);
});

test('slots that Redis Cluster gives', () => {
  assert.equal(slot('123456789'), 12739);
  assert.equal(slot('foo'), 12182);
  assert.equal(slot('bar'), 5061);
  assert.equal(slot('hello'), 866);
  assert.equal(slot('somekey'), 11058);
  assert.equal(slot(''), 0);
});

test('only what stands between the first braces counts, unless it is nothing', () => {
  assert.equal(slot('{user1000}.following'), slot('user1000'));
  assert.equal(slot('{user1000}.followers'), slot('{user1000}.following'));
  assert.equal(slot('foo{bar}{zap}'), slot('bar'));
  assert.equal(slot('foo{{bar}}zap'), slot('{bar'));
  assert.notEqual(slot('foo{}{bar}'), slot('bar'));
  assert.equal(slot('foo{}{bar}'), crc16(bytes('foo{}{bar}')) % 16384);
  assert.equal(slot('foo{bar'), crc16(bytes('foo{bar')) % 16384);
  assert.equal(slot('}foo{bar}'), slot('bar'));
  assert.equal(slot('}'), crc16(bytes('}')) % 16384);
});
