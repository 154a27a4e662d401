import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { casesOf, titleOf } from '../../bench/throughput.ts';

const names = (isFull: boolean, only = '') =>
  casesOf(isFull, only).map((one) => `${titleOf(one)} -d ${one.valueBytes}`);

describe('the matrix of throughput', () => {
  it('has every shape with every size of value, or the essential ones of them', () => {
    const [all, some] = [names(true), names(false)];
    assert.equal(new Set(all).size, 3 * 4 * 7);
    assert.equal(some.length, 15);
    for (const one of some) assert.ok(all.includes(one), one);
    for (const c of [1, 8, 64, 256, 1024]) assert.ok(some.includes(`SET -c ${c} -d 256`));
    for (const d of [16, 4096, 65_536]) assert.ok(some.includes(`SET -c 64 -d ${d}`));
  });

  it('narrows to whole words', () => {
    assert.deepEqual(names(true, 'set -c 1 -d 16'), ['SET -c 1 -d 16']);
    assert.equal(names(true, 'set -c 1').length, 4);
    assert.deepEqual(names(false, 'SET  -c 64 -P 16'), ['SET -c 64 -P 16 -d 256']);
    assert.equal(names(true, 'get').length, 28);
    assert.deepEqual(names(true, 'del'), []);
  });
});
