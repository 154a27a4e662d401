import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Outage } from '../../bench/outage.ts';

describe('an outage', () => {
  it('ends for the cluster with the first acknowledged write that was begun after the loss', () => {
    const outage = new Outage(1000, [995, 990]);
    // Begun before: the old leader may have committed it.
    outage.acknowledged(0, 998, 1003);
    assert.equal(outage.unavailableMs, null);
    outage.acknowledged(0, 1003, 1060);
    assert.equal(outage.unavailableMs, 60);
    outage.acknowledged(1, 1002, 1070);
    assert.equal(outage.unavailableMs, 60);
  });

  it('is over when every writer was served again', () => {
    const outage = new Outage(1000, [995, 990]);
    outage.acknowledged(0, 1003, 1060);
    assert.ok(!outage.isOver);
    outage.acknowledged(1, 999, 1070);
    assert.ok(!outage.isOver, 'begun before the loss');
    outage.acknowledged(1, 1070, 1075);
    assert.ok(outage.isOver);
  });

  it('costs a writer the longest time between two acknowledgements around the loss', () => {
    const outage = new Outage(1000, [995, 990]);
    outage.acknowledged(0, 998, 1003);
    outage.acknowledged(0, 1003, 1060);
    outage.acknowledged(1, 1002, 1070);
    // What comes later is not the outage's.
    outage.acknowledged(0, 1060, 3000);
    assert.deepEqual(outage.gapsMs, [57, 80]);
  });

  it('ends for the cluster with anybody, not only with a writer', () => {
    const outage = new Outage(1000, [995]);
    outage.served(999, 1001);
    assert.equal(outage.unavailableMs, null);
    outage.served(1010, 1400);
    assert.equal(outage.unavailableMs, 400);
    assert.ok(!outage.isOver, 'the writer still waits');
  });
});
