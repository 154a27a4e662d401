import assert from 'node:assert/strict';
import { it } from 'node:test';
import { bytesOf } from '../../src/base/bytes.ts';
import { type Entry, EntryType, sealEntry } from '../../src/base/entry.ts';
import { index, term } from '../../src/base/ids.ts';
import { encodeCommand } from '../../src/kv/command.ts';
import { StateMachine } from '../../src/kv/state-machine.ts';
import { Applier } from '../../src/replica/applier.ts';

const MIB = 1024 * 1024;
const key = bytesOf('big');

function log(gets: number): Entry[] {
  const value = new Uint8Array(MIB).fill(0x78);
  const comparand = new Uint8Array(0);
  const set = { kind: 'set', key, value, condition: 'none', comparand, get: false } as const;
  const records = [encodeCommand(set)];
  for (let i = 0; i < gets; i++) records.push(encodeCommand({ kind: 'get', key }));
  return records.map((r, i) => sealEntry(r, EntryType.Command, term(1), index(i + 1)));
}

for (const where of ['memory', 'disk'] as const) {
  it(`a turn is over when its replies are long, however short the commands: from ${where}`, () => {
    const entries = log(50);
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
      now: () => 0,
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

it('a turn is over when it takes long, whatever was applied', () => {
  const entries = log(0);
  for (let i = 2; i <= 30; i++) {
    const record = encodeCommand({ kind: 'exists', keys: [key] });
    entries.push(sealEntry(record, EntryType.Command, term(1), index(i)));
  }
  let nowMs = 0;
  let applied = 0;
  const applier = new Applier(new StateMachine(), {
    entriesInMemory: (from) => entries.slice(from - 1),
    readFromDisk: () => assert.fail('all is in memory'),
    applied: () => {
      applied++;
      nowMs += 4;
    },
    wake: () => {},
    now: () => nowMs,
  });
  applier.committed(index(30));
  for (let turn = 1; turn <= 10; turn++) {
    applier.run();
    assert.equal(applied, 3 * turn);
  }
});
