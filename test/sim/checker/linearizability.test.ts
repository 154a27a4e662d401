import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Prng } from '../../../src/base/prng.ts';
import type { Model, Operation } from '../../../src/sim/checker/history.ts';
import { keyspace } from '../../../src/sim/checker/keyspace-model.ts';
import { checkLinearizability } from '../../../src/sim/checker/linearizability.ts';
import {
  type RegisterInput,
  type RegisterOutput,
  register,
} from '../../../src/sim/checker/register.ts';
import { timeLine } from '../../../src/sim/checker/time-line.ts';
import { isLinearizable } from './brute-force.ts';

type KeyOperation = Operation<readonly string[], string>;

/** `at('w1', 1, 4, 'SET x 1', '+OK')`; without a reply: it was never learned. */
function at(
  client: string,
  invokedAt: number,
  returnedAt: number,
  text: string,
  output: string | null = null,
): KeyOperation {
  const known = output === null ? Number.POSITIVE_INFINITY : returnedAt;
  return { client, input: text.split(' '), output, invokedAt, returnedAt: known };
}

const kindOf = (history: readonly KeyOperation[]) => checkLinearizability(history, keyspace).kind;
const { POSITIVE_INFINITY: NEVER } = Number;

describe('linearizability', () => {
  test('an empty history is linearizable', () => assert.equal(kindOf([]), 'linearizable'));

  test('a read sees the write that was over before it', () => {
    const write = at('a', 1, 2, 'SET x 1', '+OK');
    assert.equal(kindOf([write, at('b', 3, 4, 'GET x', '$1')]), 'linearizable');
    assert.equal(kindOf([write, at('b', 3, 4, 'GET x', '(nil)')]), 'not linearizable');
  });

  test('what overlaps may come in either order; two ends at one time overlap', () => {
    const write = at('a', 1, 5, 'SET x 1', '+OK');
    for (const reply of ['$1', '(nil)']) {
      assert.equal(kindOf([write, at('b', 2, 3, 'GET x', reply)]), 'linearizable');
      assert.equal(kindOf([write, at('b', 5, 6, 'GET x', reply)]), 'linearizable');
    }
  });

  test('two reads, one after the other, never go back in time', () => {
    const write = at('a', 1, 9, 'SET x 1', '+OK');
    const [old, young] = ['(nil)', '$1'];
    const reads = (first: string, second: string) => [
      write,
      at('b', 2, 3, 'GET x', first),
      at('c', 4, 5, 'GET x', second),
    ];
    assert.equal(kindOf(reads(old, young)), 'linearizable');
    assert.equal(kindOf(reads(young, old)), 'not linearizable');
  });

  test('a write of unknown outcome may happen late, or never, but not twice and not early', () => {
    const lost = at('a', 5, NEVER, 'INCR n');
    const read = (from: number, reply: string) => at('b', from, from + 1, 'GET n', reply);
    assert.equal(kindOf([lost, read(10, '(nil)')]), 'linearizable');
    assert.equal(kindOf([lost, read(10, '(nil)'), read(20, '$1')]), 'linearizable');
    assert.equal(kindOf([lost, read(10, '$1'), read(20, '$2')]), 'not linearizable');
    assert.equal(kindOf([lost, read(1, '$1')]), 'not linearizable');
    assert.equal(kindOf([lost, read(10, '$1'), read(20, '(nil)')]), 'not linearizable');
  });

  test('two compare-and-sets from one value: one of them fails', () => {
    const seed = at('a', 1, 2, 'SET x 0', '+OK');
    const cas = (client: string, value: string, reply: string) =>
      at(client, 3, 6, `SET x ${value} IFEQ 0`, reply);
    assert.equal(kindOf([seed, cas('a', '1', '+OK'), cas('b', '2', '(nil)')]), 'linearizable');
    assert.equal(kindOf([seed, cas('a', '1', '+OK'), cas('b', '2', '+OK')]), 'not linearizable');
  });

  test('keys are judged apart, but for those that one operation touches', () => {
    const history = [
      at('a', 1, 2, 'SET x 1', '+OK'),
      at('a', 3, 4, 'SET y 1', '+OK'),
      at('b', 5, 6, 'EXISTS x y', ':1'),
    ];
    assert.equal(kindOf(history), 'not linearizable');
    assert.equal(
      kindOf([...history.slice(0, 2), at('b', 3, 6, 'EXISTS x y', ':1')]),
      'linearizable',
    );
    // One DEL is one moment for both keys.
    const del = at('c', 7, 20, 'DEL x y', ':2');
    const seen = (reply: string) => at('b', 8, 9, 'EXISTS x y', reply);
    const both = history.slice(0, 2);
    assert.equal(kindOf([...both, del, seen(':2')]), 'linearizable');
    assert.equal(kindOf([...both, del, seen(':1')]), 'not linearizable');
  });

  test('a limit that is too low gives unknown, which is no pass', () => {
    const writes = Array.from({ length: 12 }, (_, i) => at(`w${i}`, 1, 100, `SET x ${i}`, '+OK'));
    const bad = [...writes, at('r', 200, 201, 'STRLEN x', ':7')];
    const limits = { stepsMax: 500, windowStepsMax: 500 };
    const verdict = checkLinearizability(bad, keyspace, limits);
    assert.equal(verdict.kind, 'unknown');
    assert.equal(verdict.kind === 'unknown' && verdict.parts[0]!.length, 13);
  });

  test('many writes of unknown outcome cost little', () => {
    const lost = Array.from({ length: 60 }, (_, i) => at(`w${i}`, i, NEVER, `SET x ${i}`));
    const reads = Array.from({ length: 60 }, (_, i) => {
      return at('r', 100 + 2 * i, 101 + 2 * i, 'GET x', `$${59 - i}`);
    });
    const good = checkLinearizability([...lost, ...reads], keyspace);
    assert.equal(good.kind, 'linearizable');
    const again = at('r', 300, 301, 'GET x', '$59');
    const bad = checkLinearizability([...lost, ...reads, again], keyspace);
    assert.equal(bad.kind, 'not linearizable');
    assert.ok(bad.steps < 200_000, `${bad.steps} steps`);
  });
});

describe('what is still to be seen', () => {
  // Blind writes to one group of keys, and to another, all at once: what is done to one group does
  // not matter to the other, but the number of ways to do it multiplies.
  const blind = ['x', 'y'].flatMap((key) =>
    Array.from({ length: 7 }, (_, i) => at(`${key}${i}`, 1, 900, `SET ${key} ${i}`, '+OK')),
  );
  const apart = at('z', 1, 950, 'EXISTS x y', ':2');
  const stepsOf = (...reads: readonly KeyOperation[]) => {
    const verdict = checkLinearizability([...blind, apart, ...reads], keyspace);
    assert.ok(verdict.steps < 20_000, `${verdict.steps} steps`);
    return verdict.kind;
  };

  test('is not overwritten before, nor brought about too late', () => {
    const early = [at('r', 2, 500, 'GET x', '(nil)'), at('s', 501, 600, 'MGET x y', '[$3 $4]')];
    assert.equal(stepsOf(...early), 'linearizable');
    assert.equal(stepsOf(...early, at('r', 601, 602, 'GET x', '(nil)')), 'not linearizable');
  });

  test('is what nobody has written', () => {
    assert.equal(stepsOf(at('r', 901, 902, 'GET x', '$nobody')), 'not linearizable');
  });
});

describe('the window of a violation', () => {
  test('holds only what contradicts itself, on a time line', () => {
    const noise = Array.from({ length: 40 }, (_, i) => [
      at('n1', 10 * i, 10 * i + 3, `SET x n${i}`, '+OK'),
      at('n2', 10 * i + 4, 10 * i + 6, 'GET x', `$n${i}`),
      at('n3', 10 * i + 1, 10 * i + 8, `SET y n${i}`, '+OK'),
    ]).flat();
    const stale = [
      at('w1', 500, 510, 'SET x old', '+OK'),
      at('w2', 512, 530, 'SET x new', '+OK'),
      at('r', 540, 550, 'GET x', '$old'),
      at('n1', 560, 570, 'SET x later', '+OK'),
    ];
    const verdict = checkLinearizability([...noise, ...stale], keyspace);
    assert.equal(verdict.kind, 'not linearizable');
    const window = verdict.kind === 'not linearizable' ? verdict.window : [];
    assert.equal(
      timeLine(window, keyspace),
      [
        'w1  ├───┤                  SET x old -> +OK',
        'w2          ├───┤          SET x new -> +OK',
        'r                   ├───┤  GET x -> $old',
      ].join('\n'),
    );
  });
});

/** A few clients and a few values, so that chance makes good histories and bad ones. */
class Chance {
  private readonly random: Prng;

  constructor(seed: number) {
    this.random = new Prng(seed);
  }

  history<I, O>(draw: (random: Prng) => { input: I; output: O | null }): Operation<I, O>[] {
    const { random } = this;
    const size = 1 + random.below(7);
    const clients = Array.from({ length: 1 + random.below(4) }, (_, i) => ({
      name: `c${i}`,
      nowMs: random.below(4),
    }));
    return Array.from({ length: size }, () => {
      const client = clients[random.below(clients.length)]!;
      const invokedAt = client.nowMs;
      const returnedAt = invokedAt + random.below(6);
      client.nowMs = returnedAt + 1 + random.below(3);
      const { input, output } = draw(random);
      const known = output === null ? NEVER : returnedAt;
      return { client: client.name, input, output, invokedAt, returnedAt: known };
    });
  }
}

function drawRegister(random: Prng): { input: RegisterInput; output: RegisterOutput | null } {
  const isUnknown = random.chance(0.15);
  const value = random.below(3);
  const draw = random.below(3);
  const known = <T>(output: T) => (isUnknown ? null : output);
  if (draw === 0) {
    const seen = random.chance(0.2) ? null : value;
    return { input: { kind: 'read' }, output: known({ kind: 'read', value: seen }) };
  }
  if (draw === 1) return { input: { kind: 'write', value }, output: known({ kind: 'write' }) };
  const input: RegisterInput = { kind: 'cas', expected: random.below(3), value };
  return { input, output: known({ kind: 'cas', set: random.chance(0.5) }) };
}

function drawKeys(random: Prng): { input: readonly string[]; output: string | null } {
  const key = random.chance(0.5) ? 'x' : 'y';
  const [a, b] = [String(random.below(2)), String(random.below(2))];
  const found = random.chance(0.3) ? '(nil)' : `$${a}`;
  const [input, output] = [
    [`GET ${key}`, found],
    [`SET ${key} ${a}`, '+OK'],
    [`SET ${key} ${a} NX`, random.chance(0.5) ? '+OK' : '(nil)'],
    [`SET ${key} ${a} IFEQ ${b}`, random.chance(0.5) ? '+OK' : '(nil)'],
    [`SET ${key} ${b} GET`, found],
    ['DEL x y', `:${random.below(3)}`],
    [`INCR ${key}`, `:${1 + random.below(2)}`],
    ['MGET x y', `[${found} ${random.chance(0.3) ? '(nil)' : `$${b}`}]`],
    ['EXISTS x y', `:${random.below(3)}`],
    ['MSET x 0 y 1', '+OK'],
    [`GETDEL ${key}`, found],
    [`APPEND ${key} ${a}`, `:${1 + random.below(2)}`],
  ][random.below(12)] as [string, string];
  return { input: input.split(' '), output: random.chance(0.15) ? null : output };
}

describe('against a checker that tries everything', () => {
  function compare<S, I, O>(
    seeds: number,
    model: Model<S, I, O>,
    draw: (random: Prng) => { input: I; output: O | null },
  ): void {
    const count = { linearizable: 0, 'not linearizable': 0, unknown: 0 };
    for (let seed = 1; seed <= seeds; seed++) {
      const history = new Chance(seed).history(draw);
      const verdict = checkLinearizability(history, model);
      const expected = isLinearizable(history, model) ? 'linearizable' : 'not linearizable';
      assert.equal(verdict.kind, expected, `seed ${seed}:\n${timeLine(history, model)}`);
      count[verdict.kind]++;
      if (verdict.kind !== 'not linearizable') continue;
      // The window alone, all else unknown, is a contradiction too.
      const weaker = history.map((operation) =>
        verdict.window.some(
          (kept) => kept.invokedAt === operation.invokedAt && kept.client === operation.client,
        )
          ? operation
          : { ...operation, output: null, returnedAt: NEVER },
      );
      assert.ok(
        !isLinearizable(weaker, model),
        `seed ${seed}: the window explains nothing of\n${timeLine(history, model)}`,
      );
    }
    const [good, bad] = [count.linearizable, count['not linearizable']];
    assert.ok(good > seeds / 10 && bad > seeds / 10, `${good} good, ${bad} bad`);
  }

  test('it agrees on a register', () => compare(4000, register, drawRegister));
  test('it agrees on keys', () => compare(4000, keyspace, drawKeys));
});
