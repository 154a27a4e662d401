import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseInstructions } from '../../bench/instructions.ts';

describe('the output of perf stat', () => {
  it('is a number where instructions are counted', () => {
    const said = '# started on …\n\n123456789,,instructions:u,2000123,100.00,1.20,insn per cycle\n';
    assert.equal(parseInstructions(said), 123_456_789);
  });

  it('is nothing where they are not', () => {
    for (const what of ['<not supported>', '<not counted>']) {
      assert.equal(parseInstructions(`${what},,instructions:u,0,100.00,,\n`), null);
    }
    assert.equal(parseInstructions(''), null);
    assert.equal(parseInstructions('5,,cycles:u,1,100.00,,\n'), null);
  });
});
