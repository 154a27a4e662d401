import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatBytes, EMPTY_BYTES, writeU32 } from '../../src/base/bytes.ts';
import { index, revision } from '../../src/base/ids.ts';
import { murmur3 } from '../../src/kv/murmur3.ts';
import { itemShare, stateHash } from '../../src/kv/state-hash.ts';
import { stateItems } from '../../src/kv/state-item-reader.ts';
import { StateMachine } from '../../src/kv/state-machine.ts';
import { StateRestorer } from '../../src/kv/state-restorer.ts';
import { encodeStateHeader, MalformedState, writeVarint } from '../../src/kv/state-stream.ts';
import { bytes, setCommand } from './commands.ts';
import {
  applyTo,
  contentOf,
  OTHER_HASH_KEY,
  restoreMachine,
  restoreState,
  streamOf,
  takeAll,
} from './snapshots.ts';

/** A few items, some out of order, one with numbers of several bytes. */
function sample(): { readonly stream: Uint8Array; readonly content: unknown } {
  const machine = new StateMachine();
  for (let i = 0; i < 300; i++) applyTo(machine, setCommand('often', `${i}`));
  for (const key of ['b', 'key:1', 'key:2', 'a', ''])
    applyTo(machine, setCommand(key, `of ${key}`));
  applyTo(machine, { kind: 'del', keys: [bytes('b')] });
  applyTo(machine, setCommand('long', 'x'.repeat(150)));
  const content = contentOf(machine);
  const snapshot = machine.beginSnapshot();
  const pieces: Uint8Array[] = [snapshot.next(40)!.slice()];
  applyTo(machine, setCommand('a', 'changed'));
  applyTo(machine, setCommand('key:2', 'changed'));
  return { stream: streamOf([...pieces, ...takeAll(snapshot, 100)]), content };
}

test('a stream that is cut anywhere is the same stream', () => {
  const { stream, content } = sample();
  for (let at = 0; at <= stream.length; at++) {
    const restored = restoreMachine([stream.subarray(0, at), stream.subarray(at)]);
    assert.deepEqual(contentOf(restored), content, `cut at ${at}`);
  }
  for (const length of [1, 2, 7, 50]) {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += length) {
      // In one buffer for all of them, as a file is read.
      pieces.push(stream.subarray(at, at + length));
    }
    const buffer = new Uint8Array(length);
    const restorer = new StateRestorer(OTHER_HASH_KEY);
    for (const piece of pieces) {
      buffer.set(piece);
      restorer.add(buffer.subarray(0, piece.length));
    }
    const machine = new StateMachine();
    machine.restore(restorer.finish(1e9)!, index(1));
    assert.deepEqual(contentOf(machine), content, `pieces of ${length}`);
  }
});

test('a stream that ends early, or goes on behind its end, is no state', () => {
  const { stream } = sample();
  for (let at = 0; at < stream.length; at++) {
    assert.throws(() => restoreState([stream.subarray(0, at)]), MalformedState, `${at}`);
    assert.throws(() => [...stateItems([stream.subarray(0, at)])], MalformedState);
  }
  assert.throws(() => restoreState([stream, Uint8Array.of(0)]), /bytes behind its end/);
  assert.throws(() => restoreState([concatBytes([stream, stream])]), /bytes behind its end/);
});

test('with any of its bits the other way round, it is no state', () => {
  const { stream } = sample();
  for (let bit = 0; bit < 8 * stream.length; bit++) {
    const flipped = stream.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    assert.throws(() => restoreState([flipped]), MalformedState, `bit ${bit}`);
  }
});

interface RawItem {
  /** 0: out of order. */
  readonly step: number;
  readonly serial: number;
  readonly key: string;
  readonly modRevision?: number;
}

/** A stream of any items, with the hash they have. */
function crafted(keysCreated: number, items: readonly RawItem[], at = 9): Uint8Array {
  const header = { revision: revision(at), keysCreated, count: items.length };
  const parts = [encodeStateHeader(header)];
  let digest = 0;
  for (const { step, serial, key, modRevision = 1 } of items) {
    const head = new Uint8Array(40);
    let length = writeVarint(head, 0, step);
    if (step === 0) length = writeVarint(head, length, serial);
    for (const field of [modRevision, key.length, 0]) length = writeVarint(head, length, field);
    parts.push(head.subarray(0, length), bytes(key));
    const keyHash = murmur3(bytes(key), 0, key.length, 0);
    digest += itemShare(murmur3(EMPTY_BYTES, 0, 0, keyHash), modRevision, serial);
  }
  const trailer = new Uint8Array(4);
  writeU32(trailer, 0, stateHash(digest | 0, revision(at), keysCreated));
  return concatBytes([...parts, trailer]);
}

test('no key twice and no serial twice, although the hash holds', () => {
  const good = (...items: RawItem[]) => restoreState([crafted(5, items)]).keyspace.size;
  const bad = (...items: RawItem[]) => {
    assert.throws(
      () => restoreState([crafted(5, items)]),
      /not the stream of a state: .*( as | in )/,
    );
  };
  const [a1, a2, a3] = [1, 2, 3].map((serial) => ({ step: 1, serial, key: 'a' })) as [
    RawItem,
    RawItem,
    RawItem,
  ];
  const stray = (serial: number, key: string): RawItem => ({ step: 0, serial, key });
  assert.equal(good(a1, { ...a2, key: 'b' }, { ...a3, key: 'c' }, stray(5, 'd'), stray(4, 'e')), 5);
  bad(a1, a2);
  bad(a1, { ...a2, key: 'b' }, a3);
  bad(a1, stray(1, 'b'));
  bad(stray(2, 'b'), stray(2, 'c'));
  bad(a1, stray(3, 'b'), stray(2, 'c'), stray(3, 'd'));
  bad(a1, stray(2, 'a'));
});

test('no number that can not be', () => {
  const bad = (stream: Uint8Array, why: RegExp) => {
    assert.throws(() => restoreState([stream]), why);
  };
  const item = { step: 1, serial: 1, key: 'a' };
  bad(crafted(5, [{ ...item, step: 0, serial: 6 }]), /the item numbered 6 of 5/);
  bad(crafted(5, [{ ...item, step: 0, serial: 0 }]), /the item numbered 0 of 5/);
  bad(crafted(5, [{ ...item, step: 6, serial: 6 }]), /the item numbered 6 of 5/);
  bad(crafted(5, [{ ...item, modRevision: 10 }]), /revision 10 in a state of 9/);
  bad(crafted(5, [{ ...item, modRevision: 0 }]), /revision 0 in a state of 9/);
  bad(crafted(0, [item]), /1 keys where 0 were created/);
  const header = encodeStateHeader({ revision: revision(9), keysCreated: 5, count: 1 });
  const withItem = (...fields: number[]) => concatBytes([header, Uint8Array.from(fields)]);
  bad(withItem(0x81, 0x00, 1, 1, 0), /not written as it should be/);
  bad(withItem(1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1), /not written as/);
  bad(withItem(1, 1, 0x80, 0x80, 0x80, 0x80, 0x08, 0), /an item of 2147483648 bytes/);
  const huge = header.slice();
  huge.fill(255, 9, 17);
  bad(huge, /above 2\^53/);
  const other = header.slice();
  other[0] = 2;
  bad(other, /its version is 2/);
});

test('numbers of every length come back', () => {
  const large = Number.MAX_SAFE_INTEGER;
  for (let serial = 1; serial < large; serial = 2 * serial + 1) {
    const items = [
      { step: 0, serial: 1, key: 'a', modRevision: serial },
      { step: serial + 1, serial: serial + 1, key: 'b', modRevision: large },
    ];
    const [a, b] = [...stateItems([crafted(serial + 1, items, large)])];
    assert.equal(a?.modRevision, serial);
    assert.equal(b?.serial, serial + 1);
    assert.equal(b?.modRevision, large);
  }
});

test('a promise of many items that do not come takes no memory', () => {
  const header = { revision: revision(9), keysCreated: 2 ** 52, count: 2 ** 51 };
  assert.throws(() => restoreState([encodeStateHeader(header)]), /it ends early/);
});

test('what has to be done at the end is done in slices', () => {
  const machine = new StateMachine();
  for (let i = 0; i < 20_000; i++) {
    applyTo(machine, setCommand(`key:${(i * 7919) % 20_000}`, 'v'));
  }
  const snapshot = machine.beginSnapshot();
  for (let i = 0; i < 20_000; i += 2) applyTo(machine, setCommand(`key:${i}`, 'w'));
  const restorer = new StateRestorer(OTHER_HASH_KEY);
  for (const piece of takeAll(snapshot)) restorer.add(piece);
  let calls = 1;
  while (restorer.finish(2000) === null) calls++;
  // Each cell is looked at some ten times.
  assert.ok(calls > 50 && calls < 500, `${calls}`);
});

test('a machine jumps forward only', () => {
  const state = restoreState([sample().stream]);
  const machine = new StateMachine();
  machine.restore(state, index(7));
  assert.equal(machine.lastApplied, 7);
  assert.throws(() => machine.restore(state, index(7)), /can't be restored behind 7/);
});
