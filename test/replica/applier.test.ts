import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Entry, EntryType, sealEntry } from '../../src/base/entry.ts';
import { index, term } from '../../src/base/ids.ts';
import { defaultLimits } from '../../src/base/limits.ts';
import { encodeCommand } from '../../src/kv/command.ts';
import { StateMachine } from '../../src/kv/state-machine.ts';
import { resolveCommand } from '../../src/protocol/commands.ts';
import { Applier, type ApplierHost } from '../../src/replica/applier.ts';
import { bytes, entryOf } from '../kv/commands.ts';

/** A log that is committed as a whole, in memory or on disk. */
class Log implements ApplierHost {
  readonly entries: Entry[] = [];
  readonly machine = new StateMachine();
  readonly applier = new Applier(this.machine, this);
  readonly isInMemory: boolean;
  wakes = 0;
  reads = 0;
  private done: (() => void) | null = null;

  constructor(isInMemory: boolean) {
    this.isInMemory = isInMemory;
  }

  add(line: string): void {
    const args = line.split(' ').map(bytes);
    const spec = resolveCommand(args);
    assert.ok('where' in spec && spec.where === 'replicated');
    const command = spec.parse(args, defaultLimits);
    assert.ok(command.kind !== 'error', line);
    this.entries.push(entryOf(this.entries.length + 1, command));
  }

  entriesInMemory(from: number): readonly Entry[] | null {
    return this.isInMemory ? this.entries.slice(from - 1) : null;
  }

  readFromDisk(
    from: number,
    _to: number,
    _bytesMax: number,
    done: (entries: readonly Entry[]) => void,
  ): void {
    this.reads++;
    this.done = () => done(this.entries.slice(from - 1));
  }

  applied(): void {}

  wake(): void {
    this.wakes++;
  }

  /** Turns until all is applied. @returns the work of each. */
  runAll(): number[] {
    this.applier.committed(index(this.entries.length));
    const works: number[] = [];
    while (this.machine.lastApplied < this.entries.length) {
      const { work } = this.machine;
      const { wakes } = this;
      this.applier.run();
      this.done?.();
      this.done = null;
      works.push(this.machine.work - work);
      if (this.machine.lastApplied < this.entries.length) assert.ok(this.wakes > wakes);
    }
    return works;
  }
}

for (const isInMemory of [true, false]) {
  const place = isInMemory ? 'memory' : 'disk';

  test(`a few bytes that ask for much are spread over many turns, out of ${place}`, () => {
    const log = new Log(isInMemory);
    for (let i = 0; i < 10_000; i++) log.add(`SET key:${i} v`);
    log.runAll();
    for (let i = 0; i < 60; i++) log.add(i % 2 === 0 ? 'KEYS *' : 'SCAN 0 COUNT 4096');
    const works = log.runAll();
    const one = 10_000 / 4 + 10_000 / 200; // what one KEYS costs
    assert.ok(works.length > 8, `${works.length} turns`);
    for (const work of works) assert.ok(work <= 10_000 + one, `${work}`);
    assert.equal(log.machine.lastApplied, 10_060);
    if (!isInMemory) assert.equal(log.reads, 2, 'what was read is kept');
  });

  test(`cheap commands take one turn, out of ${place}`, () => {
    const log = new Log(isInMemory);
    for (let i = 0; i < 5000; i++) log.add(`INCR key:${i % 10}`);
    assert.equal(log.runAll().length, isInMemory ? 1 : 2);
  });
}

const MIB = 1024 * 1024;
const key = bytes('big');

function longReplies(gets: number): Entry[] {
  const value = new Uint8Array(MIB).fill(0x78);
  const comparand = new Uint8Array(0);
  const set = { kind: 'set', key, value, condition: 'none', comparand, get: false } as const;
  const records = [encodeCommand(set)];
  for (let i = 0; i < gets; i++) records.push(encodeCommand({ kind: 'get', key }));
  return records.map((r, i) => sealEntry(r, EntryType.Command, term(1), index(i + 1)));
}

for (const where of ['memory', 'disk'] as const) {
  test(`a turn is over when its replies are long, however short the commands: from ${where}`, () => {
    const entries = longReplies(50);
    let replies = 0;
    let isAwake = false;
    const applier = new Applier(new StateMachine(), {
      entriesInMemory: (from) => (where === 'memory' ? entries.slice(from - 1) : null),
      readFromDisk: (from, _to, _bytesMax, done) => done(entries.slice(from - 1)),
      applied: () => {
        replies++;
      },
      wake: () => {
        isAwake = true;
      },
    });
    applier.committed(index(entries.length));
    for (let turns = 0; turns < 20 && replies < entries.length; turns++) {
      const before = replies;
      isAwake = false;
      applier.run();
      assert.ok(replies - before <= 9, `${replies - before} replies of a MiB in one turn`);
      assert.ok(isAwake || replies === entries.length, 'or it asks for another');
    }
    assert.equal(replies, entries.length);
  });
}

test('the next entries are read while those before are applied, and none twice', () => {
  const entries = longReplies(40);
  const reads: { readonly from: number; readonly done: () => void }[] = [];
  const machine = new StateMachine();
  const applier = new Applier(machine, {
    entriesInMemory: () => null,
    readFromDisk: (from, _to, _bytesMax, done) => {
      reads.push({ from, done: () => done(entries.slice(from - 1, from + 9)) });
    },
    applied: () => {},
    wake: () => {},
  });
  applier.committed(index(41));
  const applied: number[] = [];
  let isAhead = false;
  for (let turns = 0; machine.lastApplied < 41; turns++) {
    assert.ok(turns < 100);
    applier.run();
    applied.push(machine.lastApplied);
    assert.ok(reads.length <= 1, 'one at a time');
    // The disk takes two turns for it.
    if (turns % 2 === 1) reads.shift()?.done();
    if (reads[0] === undefined) continue;
    assert.ok(reads[0].from > machine.lastApplied);
    isAhead ||= reads[0].from > machine.lastApplied + 1;
  }
  const [first] = applied.filter((at) => at > 0);
  assert.ok(first! < 10, 'a turn ends early, for long replies');
  assert.ok(isAhead);
  assert.equal(reads.length, 0, 'nothing is read behind the end');
});
