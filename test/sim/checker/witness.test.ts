import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Prng } from '../../../src/base/prng.ts';
import type { Operation } from '../../../src/sim/checker/history.ts';
import { keyspace } from '../../../src/sim/checker/keyspace-model.ts';
import { inOrderOfLog, isLinearization, type LogEntry } from '../../../src/sim/checker/witness.ts';
import { execute } from '../../../src/sim/reference/commands.ts';
import { isLinearizable } from './brute-force.ts';

type KeyOperation = Operation<readonly string[], string>;
type KeyEntry = LogEntry<readonly string[]>;

/** An operation from `invokedAt` to `returnedAt`; without an output, nobody heard of its end. */
function operation(
  text: string,
  output: string | null,
  invokedAt: number,
  returnedAt = Number.POSITIVE_INFINITY,
): KeyOperation {
  return { client: 'c', input: text.split(' '), output, invokedAt, returnedAt };
}

/** Whether the order of this log is a linearization: each input with when it was applied. */
function judge(history: readonly KeyOperation[], ...log: (readonly [string, number])[]): boolean {
  const entries = log.map(([text, appliedAt]) => ({ input: text.split(' '), appliedAt }));
  return proves(entries, history);
}

function proves(log: readonly KeyEntry[], history: readonly KeyOperation[]): boolean {
  const order = inOrderOfLog(history, log, (input) => input.join(' '), keyspace);
  return isLinearization(history, order, keyspace);
}

describe('the order of a log as a witness', () => {
  const set = operation('SET k a', '+OK', 0, 2);
  const other = operation('SET k b', '+OK', 3, 8);
  const read = operation('GET k', '$b', 5, 7);

  it('is accepted where the clients could have seen it so', () => {
    const log = [
      ['SET k a', 1],
      ['SET k b', 4],
      ['GET k', 6],
    ] as const;
    assert.equal(judge([set, other, read], ...log), true);
    assert.equal(judge([set, other, read], ['SET x y', 0], ...log), true);
  });

  it('is not where an output says otherwise', () => {
    assert.equal(isLinearization([set, read], [set, read], keyspace), false);
    assert.equal(judge([set, other, read], ['SET k a', 1], ['GET k', 6], ['SET k b', 7]), false);
  });

  it('is not where it turns around what was over when the other began', () => {
    assert.equal(isLinearization([set, other], [other, set], keyspace), false);
    assert.equal(judge([set, other], ['SET k b', 1], ['SET k a', 2]), false);
  });

  it('is not where something is missing that was answered', () => {
    assert.equal(judge([set, other, read], ['SET k a', 1], ['SET k b', 4]), false);
  });

  it('has what nobody heard the end of, or does not have it', () => {
    const unknown = operation('SET k b', null, 3);
    const log = [
      ['SET k a', 1],
      ['SET k b', 4],
      ['GET k', 6],
    ] as const;
    assert.equal(judge([set, unknown, read], ...log), true);
    assert.equal(judge([set, unknown], ['SET k a', 1]), true);
  });

  it('takes each operation once, and none from elsewhere', () => {
    assert.equal(isLinearization([set], [set, set], keyspace), false);
    assert.equal(isLinearization([set], [set, other], keyspace), false);
  });
});

describe('of operations with the same words, an entry is given', () => {
  const set = operation('SET k a', '+OK', 0, 2);

  it('to the one that was answered so', () => {
    const [nil, found] = [operation('GET k', '(nil)', 0, 9), operation('GET k', '$a', 0, 5)];
    assert.equal(judge([set, nil, found], ['GET k', 1], ['SET k a', 2], ['GET k', 3]), true);
  });

  // Seed 10013709 in small: taken for the one that was answered, the first DEL would come before
  // the SET that was over when it was asked for.
  it('to one that had been asked for, though it was never answered', () => {
    const lost = operation('DEL k', null, 3);
    const again = operation('SET k b', '+OK', 5, 7);
    const answered = operation('DEL k', ':1', 8, 10);
    const log = [
      ['SET k a', 1],
      ['DEL k', 4],
      ['SET k b', 6],
      ['DEL k', 9],
    ] as const;
    assert.equal(judge([set, lost, again, answered], ...log), true);
    assert.equal(judge([answered, again, lost, set], ...log), true);
  });

  it('to one that had been asked for, of two that were answered alike', () => {
    const [first, late] = [operation('DEL k', ':0', 3, 5), operation('DEL k', ':0', 6, 8)];
    const both = [
      ['SET x y', 0],
      ['DEL k', 4],
      ['DEL k', 7],
    ] as const;
    assert.equal(judge([late, first], ...both), true);
    // The first was never applied: nothing explains its answer.
    assert.equal(judge([late, first], ['DEL k', 7]), false);
  });

  it('to the one that was over first, and only then to one that was never answered', () => {
    const lost = operation('DEL k', null, 0);
    const [long, short] = [operation('DEL k', ':0', 1, 9), operation('DEL k', ':0', 2, 5)];
    const log = [4, 7, 12].map((at) => ['DEL k', at] as const);
    assert.equal(judge([lost, long, short], ...log), true);
    assert.equal(judge([lost, long, short], ...log.slice(0, 2)), true);
    assert.equal(judge([lost, long, short], log[0]!), false);
  });
});

// Few, so that many operations have the same.
const WORDS = ['SET k a', 'SET k b', 'DEL k', 'DEL k j', 'INCR j', 'SET j 0 GET', 'GET k', 'GET j'];

/** What clients of a right log saw: each operation open around the moment when it was applied. Some
 *  were never answered, of which some never applied; and some reads are in the log once more. */
function recorded(random: Prng, size: number): { history: KeyOperation[]; log: KeyEntry[] } {
  const history: KeyOperation[] = [];
  const log: KeyEntry[] = [];
  const store = new Map<string, string>();
  for (let at = 1; at <= size; at++) {
    const text = WORDS[random.below(WORDS.length)]!;
    const input = text.split(' ');
    const isRead = text.startsWith('GET');
    const appliedAt = 10 * at;
    const [from, to] = [appliedAt - 1 - random.below(60), appliedAt + 1 + random.below(60)];
    const isLost = random.chance(0.2);
    if (isLost && random.chance(0.5)) {
      history.push(operation(text, null, from));
      continue;
    }
    log.push({ input, appliedAt });
    if (isRead && random.chance(0.3)) log.push({ input, appliedAt: appliedAt + 1 });
    const output = execute(store, input);
    history.push(isLost ? operation(text, null, from) : operation(text, output, from, to));
  }
  // As the judge has it: what a read might have seen constrains nothing.
  const kept = history.filter(({ input, output }) => output !== null || input[0] !== 'GET');
  return { history: kept, log };
}

describe('the order of a log, by chance', () => {
  it('proves all that a right log did, however many operations have the same words', () => {
    for (let seed = 1; seed <= 1000; seed++) {
      const { history, log } = recorded(new Prng(seed), 60);
      assert.ok(proves(log, history), `seed ${seed}`);
    }
  });

  it('is believed in nothing: what it proves is so, be the log as wrong as it may', () => {
    const count = { proven: 0, 'not proven': 0, 'not so': 0 };
    for (let seed = 1; seed <= 4000; seed++) {
      const random = new Prng(seed);
      const { history, log } = recorded(random, 6);
      const place = (all: readonly unknown[]) => random.below(all.length);
      if (history.length < 2) continue;
      // The log swaps two entries, and keeps its clock; or two clients saw each other's answers.
      if (random.chance(0.5) && log.length > 0) {
        const [a, b] = [place(log), place(log)];
        const [first, second] = [log[a]!, log[b]!];
        log[a] = { ...first, input: second.input };
        log[b] = { ...second, input: first.input };
      } else if (random.chance(0.8)) {
        const [a, b] = [place(history), place(history)];
        const { output } = history[a]!;
        if (output !== null && history[b]!.output !== null) history[b] = { ...history[b]!, output };
      }
      const isSo = isLinearizable(history, keyspace);
      const isProven = proves(log, history);
      assert.ok(isSo || !isProven, `seed ${seed}`);
      count[isProven ? 'proven' : isSo ? 'not proven' : 'not so']++;
    }
    for (const [kind, times] of Object.entries(count)) assert.ok(times > 400, `${times} ${kind}`);
  });
});
