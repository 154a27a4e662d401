import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bytesOf } from '../../../src/base/bytes.ts';
import { ENTRY_HEADER_BYTES, EntryType, sealEntry } from '../../../src/base/entry.ts';
import { index, term } from '../../../src/base/ids.ts';
import { INT64_MAX, INT64_MIN, type Int64 } from '../../../src/base/int64.ts';
import { defaultLimits } from '../../../src/base/limits.ts';
import { Prng } from '../../../src/base/prng.ts';
import { type Command, decodeCommand, encodeCommand } from '../../../src/kv/command.ts';
import { StateMachine } from '../../../src/kv/state-machine.ts';
import { resolveCommand } from '../../../src/protocol/commands.ts';
import { execute, hasChanged } from '../../../src/sim/reference/commands.ts';
import { ReferenceMachine } from '../../../src/sim/reference/machine.ts';
import { normalized, replyText, wordsOf } from '../../../src/sim/reference/words.ts';

const KEYS = ['a', 'b', '\xff\x00', '__proto__'];
const VALUES = ['', '0', '7', '-0', '01', ' 1', '9223372036854775807', '-9223372036854775808', 'x'];

function drawCommand(random: Prng): Command {
  const one = (of: readonly string[]) => bytesOf(of[random.below(of.length)]!);
  const some = () => Array.from({ length: 1 + random.below(3) }, () => one(KEYS));
  const deltas: Int64[] = [1, -1, 2 ** 53 - 1, INT64_MAX, INT64_MIN];
  switch (random.below(6)) {
    case 0:
      return { kind: 'get', key: one(KEYS) };
    case 1:
      return { kind: 'del', keys: some() };
    case 2:
      return { kind: 'exists', keys: some() };
    case 3:
      return { kind: 'incrby', key: one(KEYS), delta: deltas[random.below(deltas.length)]! };
    default: {
      const condition = (['none', 'nx', 'xx', 'ifeq', 'ifne'] as const)[random.below(5)]!;
      const compares = condition === 'ifeq' || condition === 'ifne';
      const comparand = compares ? one(VALUES) : bytesOf('');
      return {
        kind: 'set',
        key: one(KEYS),
        value: one(VALUES),
        condition,
        comparand,
        get: random.chance(0.3),
      };
    }
  }
}

describe('the reference machine', () => {
  test('and the real one agree: replies, revisions, hashes', () => {
    const random = new Prng(7);
    const [real, reference] = [new StateMachine(), new ReferenceMachine()];
    const replies = new Set<string>();
    for (let at = 1; at <= 20_000; at++) {
      const command = drawCommand(random);
      const words = wordsOf(command);
      const before = reference.hash();
      const entry = sealEntry(encodeCommand(command), EntryType.Command, term(1), index(at));
      const reply = replyText(real.apply(entry));
      const expected = reference.apply(words);
      assert.equal(reply, expected, words.join(' '));
      assert.equal(real.revision, reference.revision);
      assert.equal(real.size, reference.size);
      assert.equal(real.hash(), reference.hash());
      if (!hasChanged(words, reply)) assert.equal(reference.hash(), before, words.join(' '));
      replies.add(reply.slice(0, 8));
    }
    assert.ok(replies.has('+OK') && replies.has('(nil)') && replies.has('-ERR val'));
    assert.ok(replies.has('-ERR inc'), 'an overflow was tried');
  });

  test('reads a client’s words as the log does, whatever their order and their case', () => {
    const lines = [
      'set k v',
      'SET k v get nx',
      'SET k v IFEQ old GET',
      'SET k v GET IFNE old',
      'SET k v xx XX',
      'Get k',
      'DEL a b a',
      'exists a b',
      'INCR k',
      'DECR k',
      'INCRBY k -12',
      'DECRBY k -12',
      'DECRBY k 9223372036854775807',
    ];
    for (const line of lines) {
      const words = line.split(' ');
      const args = words.map((word) => bytesOf(word));
      const spec = resolveCommand(args);
      assert.ok('where' in spec && spec.where === 'replicated', line);
      const command = spec.parse(args, defaultLimits);
      assert.ok(command.kind !== 'error', line);
      const decoded = decodeCommand(encodeCommand(command), ENTRY_HEADER_BYTES);
      assert.ok(typeof decoded !== 'string');
      assert.deepEqual(normalized(words), wordsOf(decoded), line);
      // And both forms do the same.
      const [one, other] = [new ReferenceMachine(), new ReferenceMachine()];
      assert.equal(one.apply(words), other.apply(wordsOf(decoded)), line);
      assert.equal(one.hash(), other.hash(), line);
    }
  });

  test('refuses what it was not taught', () => {
    const store = new Map<string, string>();
    assert.throws(() => execute(store, ['LPUSH', 'k', 'v']), /teach it/);
    assert.throws(() => execute(store, ['SET', 'k', 'v', 'EX', '3']), /teach it/);
  });
});
