import assert from 'node:assert/strict';
import { test } from 'node:test';
import { xxh3Hex } from '../../src/kv/xxh3.ts';
import { bytes } from './commands.ts';
import { Told } from './told.ts';

const TOO_LONG = 'ERR string exceeds maximum allowed size (proto-max-bulk-len)';

/** Each line and its reply, one after the other. */
function story(told: Told, lines: readonly (readonly [line: string, reply: unknown])[]): void {
  for (const [line, reply] of lines) assert.deepEqual(told.plain(line), reply, line);
}

test('MSET sets all, MSETNX all or none, MGET answers in order', () => {
  story(new Told(), [
    ['MSET a 1 b 2 a 3', 'OK'],
    ['MGET a none b a', ['3', null, '2', '3']],
    ['MSETNX c 1 b 4', 0],
    ['MGET c b', [null, '2']],
    ['MSETNX c 1 d 4', 1],
    ['MGET c d', ['1', '4']],
    ['MSET a', "ERR wrong number of arguments for 'mset' command"],
    ['MSETNX a 1 b', "ERR wrong number of arguments for 'msetnx' command"],
  ]);
});

test('SETNX, GETSET and GETDEL', () => {
  story(new Told(), [
    ['SETNX k v', 1],
    ['SETNX k w', 0],
    ['GETSET k x', 'v'],
    ['GETSET new x', null],
    ['GETDEL k', 'x'],
    ['GETDEL k', null],
    ['EXISTS k new', 1],
  ]);
});

// What follows on DELEX, IFDEQ and IFDNE is what Redis 8.4 documents; Debian's Redis lacks them.
test('DELEX and DELIFEQ delete only what compares', () => {
  const digest = xxh3Hex(bytes('hello'));
  story(new Told(), [
    ['SET k hello', 'OK'],
    ['DIGEST k', digest],
    ['DIGEST none', null],
    ['DELEX k IFEQ world', 0],
    ['DELEX k IFNE hello', 0],
    ['DELEX k IFDEQ 0000000000000000', 0],
    [`DELEX k IFDNE ${digest}`, 0],
    ['DELIFEQ k world', 0],
    [`DELEX k IFDEQ ${digest.toUpperCase()}`, 1],
    ['DELEX k IFNE world', 0],
    ['SET k hello', 'OK'],
    ['DELEX k IFNE world', 1],
    ['SET k hello', 'OK'],
    ['DELIFEQ k hello', 1],
    ['SET k hello', 'OK'],
    ['DELEX k', 1],
    ['DELEX k', 0],
  ]);
});

test('SET IFDEQ and IFDNE compare digests: an absent key has none', () => {
  const digest = xxh3Hex(bytes('hello'));
  story(new Told(), [
    [`SET k v IFDEQ ${digest}`, null],
    ['EXISTS k', 0],
    [`SET k hello IFDNE ${digest}`, 'OK'],
    [`SET k w IFDNE ${digest}`, null],
    [`SET k w IFDEQ ${digest} GET`, 'hello'],
    ['GET k', 'w'],
  ]);
});

test('APPEND and SETRANGE grow a value up to the bound that came with them', () => {
  story(new Told({ valueBytesMax: 10 }), [
    ['APPEND k 12345', 5],
    ['APPEND k 67890', 10],
    ['APPEND k x', TOO_LONG],
    ['APPEND k ""', 10],
    ['GET k', '1234567890'],
    ['SETRANGE k 9 x', 10],
    ['SETRANGE k 9 xy', TOO_LONG],
    ['SETRANGE k 9223372036854775807 x', TOO_LONG],
    ['SETRANGE k 100 ""', 10],
    ['SETRANGE none 5 ""', 0],
    ['SETRANGE new 2 ab', 4],
    ['GET new', '\0\0ab'],
    ['GET k', '123456789x'],
    ['SETRANGE k -1 x', 'ERR offset is out of range'],
  ]);
});

test('replicas whose settings differ agree, because the bound travels in the command', () => {
  const [small, large] = [new Told({ valueBytesMax: 4 }), new Told({ valueBytesMax: 400 })];
  for (const told of [small, large]) told.tell('SET k abcd');
  assert.equal(small.plain('APPEND k e'), TOO_LONG);
  assert.equal(large.plain('APPEND k e'), 5);
});

test('INCRBYFLOAT is exact', () => {
  story(new Told({ valueBytesMax: 30 }), [
    ['INCRBYFLOAT k 0.1', '0.1'],
    ['INCRBYFLOAT k 0.2', '0.3'],
    ['SET k 1000.1', 'OK'],
    ['INCRBYFLOAT k 0.2', '1000.3'],
    ['INCRBYFLOAT k -1000.3', '0'],
    ['INCRBYFLOAT k 1e400', TOO_LONG],
    ['INCRBYFLOAT k inf', 'ERR increment would produce NaN or Infinity'],
    ['INCRBYFLOAT k nan', 'ERR value is not a valid float'],
    ['SET k abc', 'OK'],
    ['INCRBYFLOAT k 1', 'ERR value is not a valid float'],
    ['GET k', 'abc'],
  ]);
});

test('GETRANGE counts from both ends', () => {
  story(new Told(), [
    ['SET k Hello', 'OK'],
    ['GETRANGE k 0 -1', 'Hello'],
    ['GETRANGE k -3 -2', 'll'],
    ['GETRANGE k 1 100', 'ello'],
    ['GETRANGE k 3 1', ''],
    ['GETRANGE k -1 -3', ''],
    ['GETRANGE k 0 -100', 'H'],
    ['GETRANGE k -9223372036854775808 9223372036854775807', 'Hello'],
    ['GETRANGE none 0 -1', ''],
    ['SUBSTR k 0 0', 'H'],
    ['STRLEN k', 5],
    ['STRLEN none', 0],
  ]);
});

test('an MGET whose answer would be too long is refused; one value never is', () => {
  const told = new Told({ valueBytesMax: 32 * 2 ** 20, entryBytesMax: 80 * 2 ** 20 });
  told.tellWords(['SET', 'k', 'x'.repeat(17 * 2 ** 20)]);
  assert.equal((told.plain('MGET k') as string[])[0]!.length, 17 * 2 ** 20);
  const text = 'ERR the values are longer than 16777216 bytes together: ask for fewer keys at once';
  assert.equal(told.plain('MGET k none'), text);
});

test('the revision grows with what changes something, and with nothing else', () => {
  const told = new Told({ valueBytesMax: 100 });
  const costs = (revisions: number, line: string) => {
    const { revision } = told.machine;
    const hash = told.machine.hash();
    told.tell(line);
    assert.equal(told.machine.revision - revision, revisions, line);
    assert.equal(told.machine.hash() === hash, revisions === 0, line);
  };
  costs(1, 'MSET a 1 b 2 c x');
  costs(0, 'MSETNX a 1 z 2');
  costs(1, 'MSETNX y 1 z 2');
  costs(0, 'SETNX a 5');
  costs(1, 'GETSET a 1');
  costs(1, 'GETDEL z');
  costs(0, 'GETDEL z');
  costs(0, 'DELEX a IFEQ 2');
  costs(1, 'DELEX y IFEQ 1');
  costs(1, 'APPEND a 2');
  costs(0, 'APPEND a ""');
  costs(1, 'APPEND empty ""');
  costs(0, 'SETRANGE a 1 ""');
  costs(0, 'SETRANGE none 1 ""');
  costs(1, 'SETRANGE a 0 1');
  costs(0, 'SETRANGE a 100 x');
  costs(0, 'INCRBYFLOAT c 1');
  costs(1, 'INCRBYFLOAT a 0');
  for (const line of ['MGET a b', 'STRLEN a', 'GETRANGE a 0 1', 'DIGEST a', 'TYPE a', 'TTL a']) {
    costs(0, line);
  }
  costs(0, 'RENAME a a');
  costs(0, 'RENAME none x');
  costs(1, 'RENAME a b');
  costs(0, 'RENAMENX b c');
  costs(1, 'RENAMENX b d');
  costs(0, 'COPY none x');
  costs(0, 'COPY c d');
  costs(1, 'COPY c d REPLACE');
  for (const line of ['KEYS *', 'SCAN 0', 'RANDOMKEY', 'DBSIZE', 'TOUCH c']) costs(0, line);
  costs(1, 'UNLINK c d none');
  costs(1, 'FLUSHALL');
  costs(0, 'FLUSHDB');
});
