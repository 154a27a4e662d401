import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Histogram } from '../../bench/histogram.ts';
import type { LoadResult } from '../../bench/load.ts';
import { ratesOf, roundRate, saturationOf } from '../../bench/open.ts';

const run = (perSecond: number, refused: Partial<LoadResult> = {}): LoadResult => ({
  requests: 1000,
  errors: 0,
  firstError: '',
  seconds: 1,
  latency: new Histogram(),
  lateness: new Histogram(),
  abandoned: 0,
  windows: [],
  busy: 0,
  perSecond,
  ...refused,
});

const at = (rate: number, ...runs: LoadResult[]) => ({ rate, runs });

describe('saturation', () => {
  it('is the highest rate that was served, and all below it were', () => {
    const curve = [
      at(3000, run(2700)),
      at(1000, run(1000)),
      at(2000, run(1950)),
      at(4000, run(4000)),
    ];
    assert.equal(saturationOf(curve), 2000);
    assert.equal(saturationOf(curve.slice(1, 3)), 2000, 'all were');
    assert.equal(saturationOf([at(1000, run(940))]), null, 'none was');
    const torn = [at(1000, run(1000)), at(2000, run(1000)), at(3000, run(3000)), at(4000, run(9))];
    assert.equal(saturationOf(torn), 1000, 'what is served beyond a gap was luck');
  });

  it('is judged by the middle round; but one refusal is one too many', () => {
    assert.equal(saturationOf([at(1000, run(1000), run(500), run(990))]), 1000);
    assert.equal(saturationOf([at(1000, run(1000), run(500), run(600))]), null);
    assert.equal(saturationOf([at(1000, run(1000), run(1000, { errors: 1 }))]), null);
    assert.equal(saturationOf([at(1000, run(1000, { abandoned: 1 }), run(1000))]), null);
  });
});

describe('rates', () => {
  it('are whole numbers, given as a list', () => {
    assert.deepEqual(ratesOf('100,2000'), [100, 2000]);
    for (const bad of ['', '1,', 'x', '0', '1.5', '-3', '10000000']) {
      assert.throws(() => ratesOf(bad), /--rates takes whole numbers/, bad);
    }
  });

  it('have two digits that count', () => {
    assert.deepEqual([31_847, 994, 0.5 * 47_000].map(roundRate), [32_000, 990, 24_000]);
  });
});
