import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeCrash, fuzz, fuzzOne } from './codecs.ts';
import type { Target } from './targets.ts';

describe('the codecs, fed with mutations of what they usually read', () => {
  it('never throw, and say the same in any chunking', () => {
    // Another seed each day, so that all days together see more than one does.
    const seed = Math.floor(Date.now() / 86_400_000);
    const { inputs, crashes } = fuzz({ seed, inputs: 1_000_000, ms: 4000 });
    assert.deepEqual(crashes.map(describeCrash), []);
    assert.ok(inputs > 1000, `${inputs} inputs`);
  });

  it('would be found out', () => {
    const naive: Target = {
      name: 'naive',
      corpus: [Uint8Array.from('{"a":[1,2]}', (char) => char.charCodeAt(0))],
      check: (bytes) => JSON.parse(String.fromCharCode(...bytes)),
    };
    const crashes = Array.from({ length: 50 }, (_, i) => fuzzOne(1, i, [naive]));
    assert.ok(crashes.filter((crash) => crash !== null).length > 25);
    const found = crashes.find((crash) => crash !== null)!;
    assert.deepEqual(fuzzOne(found.seed, found.input, [naive])?.bytes, found.bytes, 'again');
  });
});
