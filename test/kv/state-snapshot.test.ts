import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Prng } from '../../src/base/prng.ts';
import type { Cells } from '../../src/kv/cells.ts';
import type { Command } from '../../src/kv/command.ts';
import { stateItems } from '../../src/kv/state-item-reader.ts';
import { StateMachine } from '../../src/kv/state-machine.ts';
import type { StateSnapshot } from '../../src/kv/state-snapshot.ts';
import { bytes, commandOver, setCommand } from './commands.ts';
import { applyTo, contentOf, keyOf, restoreMachine, takeAll } from './snapshots.ts';

const fewKeys = fc.constantFrom('a', 'b', 'c', 'ab', 'abcdefgh', 'abcdefghi', '\0').map(bytes);
const fewValues = fc.constantFrom('', 'x', '7', '1.5', 'a*', 'v'.repeat(90)).map(bytes);
const anyCommand = commandOver(fewKeys, fewValues).filter((command) => {
  // An offset that is let in makes a value as long.
  return command.kind !== 'setrange' || command.offset < 100 || command.offset > 2 ** 33;
});
const flushall: Command = { kind: 'flushall' };
const del = (...keys: string[]): Command => ({ kind: 'del', keys: keys.map(bytes) });

test('any commands while it is walked: what is restored is the state at its beginning', () => {
  const commands = fc.array(anyCommand, { maxLength: 40 });
  /** A number is a call of `next` with so many bytes. */
  const meanwhile = fc.array(fc.oneof(anyCommand, fc.integer({ min: 1, max: 200 })), {
    maxLength: 60,
  });
  const property = fc.property(commands, meanwhile, commands, (before, meanwhile, behind) => {
    const machine = new StateMachine();
    const twin = new StateMachine();
    for (const command of before) {
      applyTo(machine, command);
      applyTo(twin, command);
    }
    const content = contentOf(twin);
    const snapshot = machine.beginSnapshot();
    const pieces: Uint8Array[] = [];
    for (const step of meanwhile) {
      if (typeof step !== 'number') applyTo(machine, step);
      else pieces.push(snapshot.next(step)?.slice() ?? new Uint8Array(0));
    }
    pieces.push(...takeAll(snapshot, 100));
    const restored = restoreMachine(pieces, before.length + 1);
    assert.deepEqual(contentOf(restored), content);
    applyTo(twin, del('none')); // to be at the same index: RANDOMKEY is drawn by it
    for (const command of behind) {
      assert.deepEqual(applyTo(restored, command), applyTo(twin, command));
      assert.equal(restored.hash(), twin.hash());
    }
    assert.deepEqual(contentOf(restored), contentOf(twin));
  });
  fc.assert(property, { numRuns: 300 });
});

/** A thousand keys or so, some values longer than a block, and gaps in the order of creation. */
class Crowd {
  readonly machine = new StateMachine();
  readonly random: Prng;
  private readonly keys: number;

  constructor(seed: number, keys: number) {
    this.random = new Prng(seed);
    this.keys = keys;
    for (let i = 0; i < 2 * keys; i++) this.change();
  }

  key(): string {
    return `${this.random.chance(0.5) ? 'user' : 'session'}:${this.random.below(this.keys)}`;
  }

  change(): void {
    const { random, machine } = this;
    const kind = random.below(20);
    if (kind < 4) applyTo(machine, del(this.key(), this.key()));
    else if (kind < 6) {
      const [key, newKey] = [bytes(this.key()), bytes(this.key())];
      applyTo(machine, { kind: 'rename', key, newKey });
    } else if (kind < 8) {
      const pairs = [this.key(), this.key()].map((key) => ({ key: bytes(key), value: bytes('p') }));
      applyTo(machine, { kind: 'mset', pairs: [...pairs, ...pairs] });
    } else {
      const length = random.chance(0.001) ? random.below(200_000) : random.below(120);
      const value = String.fromCharCode(random.below(256)).repeat(length);
      applyTo(machine, setCommand(this.key(), value));
    }
  }
}

test('a thousand keys, at any pace of changes and of reading', () => {
  for (const [seed, changes] of [
    [1, 0],
    [2, 3],
    [3, 300],
    [4, 30],
    [5, 3000],
  ] as const) {
    const crowd = new Crowd(seed, 1000);
    const content = contentOf(crowd.machine);
    const snapshot = crowd.machine.beginSnapshot();
    const pieces: Uint8Array[] = [];
    for (;;) {
      const bytesMax = 1 + crowd.random.below(20_000);
      const piece = snapshot.next(bytesMax);
      if (piece === null) break;
      assert.ok(piece.length <= bytesMax);
      pieces.push(piece.slice());
      for (let i = crowd.random.below(2 * changes + 1); i > 0; i--) crowd.change();
    }
    assert.deepEqual(contentOf(restoreMachine(pieces)), content, `seed ${seed}`);
  }
});

test('FLUSHALL in the middle takes nothing from it, and what comes behind does not join it', () => {
  const { machine } = new Crowd(6, 500);
  const content = contentOf(machine);
  const snapshot = machine.beginSnapshot();
  const pieces: Uint8Array[] = [snapshot.next(1000)!.slice()];
  applyTo(machine, setCommand('user:1', 'changed before'));
  applyTo(machine, flushall);
  // New cells stand where the old ones stood, in memory of their own.
  for (let i = 0; i < 1000; i++) applyTo(machine, setCommand(`user:${i % 500}`, 'new'));
  for (let i = 0; i < 100; i++) applyTo(machine, del(`user:${i}`));
  applyTo(machine, flushall);
  applyTo(machine, setCommand('user:1', 'newer'));
  pieces.push(...takeAll(snapshot, 500));
  assert.deepEqual(contentOf(restoreMachine(pieces)), content);
  const after = contentOf(machine);
  assert.deepEqual(contentOf(restoreMachine(takeAll(machine.beginSnapshot()))), after);
});

test('one after the other; one at a time; an abandoned one keeps and costs nothing', () => {
  const crowd = new Crowd(7, 300);
  const { machine } = crowd;
  const first = machine.beginSnapshot();
  first.next(2000);
  assert.throws(() => machine.beginSnapshot(), /walked already/);
  for (let i = 0; i < 300; i++) crowd.change();
  assert.ok(first.bufferedBytes > 0);
  first.end();
  assert.equal(first.ended, true);
  assert.equal(first.next(1000), null);
  assert.equal(first.bufferedBytes, 0);
  for (let i = 0; i < 2; i++) {
    const content = contentOf(machine);
    const snapshot = machine.beginSnapshot();
    first.end(); // once more: it must not end the other
    const pieces: Uint8Array[] = [snapshot.next(3000)!.slice()];
    for (let i = 0; i < 300; i++) crowd.change();
    pieces.push(...takeAll(snapshot));
    assert.deepEqual(contentOf(restoreMachine(pieces)), content);
    assert.equal(snapshot.ended, true);
    for (let i = 0; i < 300; i++) crowd.change();
    assert.equal(snapshot.bufferedBytes, 0);
  }
});

test('of nothing', () => {
  const machine = new StateMachine();
  const empty = machine.beginSnapshot();
  applyTo(machine, setCommand('k', 'v'));
  const restored = restoreMachine(takeAll(empty, 1));
  assert.deepEqual(contentOf(restored), contentOf(new StateMachine()));
  applyTo(machine, flushall);
  const content = contentOf(machine);
  assert.deepEqual(contentOf(restoreMachine(takeAll(machine.beginSnapshot(), 1))), content);
});

test('the memory it takes is what waits, and no item waits twice', () => {
  const machine = new StateMachine();
  const write = (value: string) => {
    for (let i = 0; i < 1000; i++) applyTo(machine, setCommand(`key:${i}`, value));
  };
  write('a'.repeat(100));
  const snapshot = machine.beginSnapshot();
  snapshot.next(30_000);
  assert.ok(snapshot.bufferedBytes < 200);
  write('b'.repeat(1000));
  const waiting = snapshot.bufferedBytes;
  // 1000 items of 100 bytes and some, less what was taken.
  assert.ok(waiting > 75_000 && waiting < 85_000, `${waiting}`);
  write('c'.repeat(2000));
  for (let i = 0; i < 1000; i++) applyTo(machine, setCommand(`new:${i}`, 'c'));
  assert.equal(snapshot.bufferedBytes, waiting);
  snapshot.next(30_000);
  assert.equal(snapshot.bufferedBytes, waiting - 30_000);
});

/** Counts how many cells the walk looks at. */
function countVisits(snapshot: StateSnapshot): () => number {
  const { cells } = snapshot as unknown as { cells: Cells };
  const { modRevision } = cells;
  let visits = 0;
  cells.modRevision = (address) => {
    visits++;
    return modRevision.call(cells, address);
  };
  return () => {
    const count = visits;
    visits = 0;
    return count;
  };
}

test('a call costs what it may hand out, however much it has to pass over', () => {
  const machine = new StateMachine();
  for (let i = 0; i < 8000; i++) applyTo(machine, setCommand(`key:${i}`, 'v'));
  const content = contentOf(machine);
  const snapshot = machine.beginSnapshot();
  const pieces: Uint8Array[] = [snapshot.next(100)!.slice()];
  for (let i = 100; i < 7900; i++) applyTo(machine, setCommand(`key:${i}`, 'w'));
  const takeVisits = countVisits(snapshot);
  for (let piece = snapshot.next(4096); piece !== null; piece = snapshot.next(4096)) {
    // At most 4096 / 16 to pass over, and each that is written is looked at twice.
    assert.ok(takeVisits() <= 512);
    pieces.push(piece.slice());
  }
  assert.ok(
    pieces.some(({ length }) => length === 0),
    'it has passed over many',
  );
  assert.deepEqual(contentOf(restoreMachine(pieces)), content);
});

test('its items can be read one by one', () => {
  const machine = new StateMachine();
  for (const key of ['b', 'gone', 'a']) applyTo(machine, setCommand(key, `value of ${key}`));
  applyTo(machine, del('gone'));
  const snapshot = machine.beginSnapshot();
  applyTo(machine, setCommand('a', 'changed'));
  const items = [...stateItems(takeAll(snapshot, 7))].map((item) => ({
    ...item,
    key: keyOf(item.key),
    value: keyOf(item.value),
  }));
  assert.deepEqual(items, [
    { key: 'a', value: 'value of a', modRevision: 3, serial: 3 },
    { key: 'b', value: 'value of b', modRevision: 1, serial: 1 },
  ]);
});
