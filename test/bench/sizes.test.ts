import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { growing } from '../../bench/sizes.ts';

describe('a list of sizes', () => {
  it('grows', () => {
    assert.deepEqual(growing('1000,20000', '--keys'), [1000, 20_000]);
    assert.deepEqual(growing('1', '--log'), [1]);
    for (const bad of ['', '2,1', '1,1', '0', '1,x', '1.5', '1,', '2000000000']) {
      assert.throws(() => growing(bad, '--keys'), /--keys takes whole numbers that grow/, bad);
    }
  });
});
