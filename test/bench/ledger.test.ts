import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { isClean, Ledger, type Verdict, verify } from '../../bench/ledger.ts';

describe('what the writers were told, read back', () => {
  let ledger: Ledger;
  let stored: Map<string, string>;

  /** The writer is told that SET 0, 1 and 2 were acknowledged, unknown and refused; two INCRs
   *  were acknowledged and one is unknown. The store holds what the acknowledged ones promise. */
  beforeEach(() => {
    ledger = new Ledger('w0');
    for (const fate of ['acknowledged', 'unknown', 'refused'] as const) {
      ledger.endSet(ledger.beginSet(), fate);
    }
    ledger.endIncrement('acknowledged', 1);
    ledger.endIncrement('unknown', null);
    ledger.endIncrement('refused', null);
    ledger.endIncrement('acknowledged', 2);
    stored = new Map([
      [ledger.keyOf(0), ledger.valueOf(0)],
      [ledger.counterKey, '2'],
    ]);
  });

  const judge = (): Promise<Verdict> => verify([ledger], async (key) => stored.get(key) ?? null, 2);

  it('is clean when all of it is there', async () => {
    const verdict = await judge();
    assert.ok(isClean(verdict));
    const { acknowledged, unknown, refused } = verdict;
    assert.deepEqual(
      { acknowledged, unknown, refused },
      { acknowledged: 3, unknown: 2, refused: 1 },
    );
  });

  it('is clean whether or not what is unknown was applied', async () => {
    stored.set(ledger.keyOf(1), ledger.valueOf(1));
    stored.set(ledger.counterKey, '3');
    assert.ok(isClean(await judge()));
  });

  it('shows a planted loss', async () => {
    stored.delete(ledger.keyOf(0));
    const verdict = await judge();
    assert.deepEqual(verdict.lost, ['set:w0:0 is gone']);
    assert.ok(!isClean(verdict));
  });

  it('shows a value that stands under another key', async () => {
    stored.set(ledger.keyOf(0), ledger.valueOf(1));
    assert.deepEqual((await judge()).lost, ['set:w0:0 is "value of set:w0:1"']);
  });

  it('shows an increment that was counted twice', async () => {
    stored.set(ledger.counterKey, '4');
    const verdict = await judge();
    assert.deepEqual(verdict.miscounted, ['counter:w0 is 4: 2 acknowledged, 1 unknown']);
    assert.ok(!isClean(verdict));
  });

  it('shows an increment that was lost, be it the whole counter', async () => {
    stored.set(ledger.counterKey, '1');
    assert.equal((await judge()).miscounted.length, 1);
    stored.delete(ledger.counterKey);
    const problem = 'counter:w0 is 0: 2 acknowledged, 1 unknown';
    assert.deepEqual((await judge()).miscounted, [problem]);
    stored.set(ledger.counterKey, 'no number');
    assert.equal((await judge()).miscounted.length, 1);
  });

  it('shows what was refused as not applied, and was applied', async () => {
    stored.set(ledger.keyOf(2), ledger.valueOf(2));
    const verdict = await judge();
    assert.deepEqual(verdict.invented, ['set:w0:2 was refused and is there']);
    assert.ok(!isClean(verdict));
  });

  it('shows a reply of INCR that was wrong at its time, even if the end is right', async () => {
    ledger.endIncrement('acknowledged', 5);
    stored.set(ledger.counterKey, '3');
    const problem = 'reply: counter:w0 is 5: 3 acknowledged, 1 unknown';
    assert.deepEqual((await judge()).miscounted, [problem]);
  });

  it('counts a SET that never ended as unknown', async () => {
    ledger.beginSet();
    assert.equal((await judge()).unknown, 3);
  });

  it('is read whole, however many lanes read it', async () => {
    for (let n = 0; n < 50; n++) {
      const set = ledger.beginSet();
      ledger.endSet(set, 'acknowledged');
      if (n !== 30) stored.set(ledger.keyOf(set), ledger.valueOf(set));
    }
    for (const lanes of [1, 7, 500]) {
      const verdict = await verify([ledger], async (key) => stored.get(key) ?? null, lanes);
      assert.deepEqual(verdict.lost, [`${ledger.keyOf(33)} is gone`]);
    }
  });
});
