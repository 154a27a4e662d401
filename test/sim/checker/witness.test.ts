import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Operation } from '../../../src/sim/checker/history.ts';
import { keyspace } from '../../../src/sim/checker/keyspace-model.ts';
import { inOrderOfLog, isLinearization } from '../../../src/sim/checker/witness.ts';

type KeyOperation = Operation<readonly string[], string>;

/** An operation from `invokedAt` to `returnedAt`; without an output, nobody heard of its end. */
function operation(
  text: string,
  output: string | null,
  invokedAt: number,
  returnedAt = Number.POSITIVE_INFINITY,
): KeyOperation {
  return { client: 'c', input: text.split(' '), output, invokedAt, returnedAt };
}

const judge = (history: readonly KeyOperation[], ...log: string[]) => {
  const words = log.map((text) => text.split(' '));
  const order = inOrderOfLog(history, words, (input) => input.join(' '), keyspace);
  return isLinearization(history, order, keyspace);
};

describe('the order of a log as a witness', () => {
  const set = operation('SET k a', '+OK', 0, 1);
  const other = operation('SET k b', '+OK', 2, 5);
  const read = operation('GET k', '$b', 3, 4);

  it('is accepted where the clients could have seen it so', () => {
    assert.equal(judge([set, other, read], 'SET k a', 'SET k b', 'GET k'), true);
    assert.equal(judge([set, other, read], 'SET x y', 'SET k a', 'SET k b', 'GET k'), true);
  });

  it('is not where an output says otherwise', () => {
    assert.equal(judge([set, other, read], 'SET k a', 'GET k', 'SET k b'), false);
  });

  it('is not where it turns around what was over when the other began', () => {
    assert.equal(judge([set, other], 'SET k b', 'SET k a'), false);
  });

  it('is not where something is missing that was answered', () => {
    assert.equal(judge([set, other, read], 'SET k a', 'SET k b'), false);
  });

  it('has what nobody heard the end of, or does not have it', () => {
    const unknown = operation('SET k b', null, 2);
    assert.equal(judge([set, unknown, read], 'SET k a', 'SET k b', 'GET k'), true);
    assert.equal(judge([set, unknown], 'SET k a'), true);
  });

  it('tells those with the same words apart by their outputs', () => {
    const first = operation('GET k', '$a', 2, 9);
    const order = ['SET k a', 'GET k', 'SET k b', 'GET k'];
    assert.equal(judge([set, other, read, first], ...order), true);
  });

  it('takes each operation once, and none from elsewhere', () => {
    assert.equal(isLinearization([set], [set, set], keyspace), false);
    assert.equal(isLinearization([set], [set, other], keyspace), false);
  });
});
