import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { missingTool } from '../tools.ts';

describe('a test that needs a tool', () => {
  const before = process.env['DKVS_REQUIRE_TOOLS'];
  afterEach(() => {
    if (before === undefined) delete process.env['DKVS_REQUIRE_TOOLS'];
    else process.env['DKVS_REQUIRE_TOOLS'] = before;
  });

  it('runs where the tool is', () => {
    assert.equal(missingTool('node'), false);
  });

  it('skips where it is not, unless whoever runs it has promised it', () => {
    process.env['DKVS_REQUIRE_TOOLS'] = 'strace';
    assert.equal(missingTool('no-such-tool'), 'no-such-tool is not installed');
    process.env['DKVS_REQUIRE_TOOLS'] = 'strace no-such-tool';
    assert.throws(() => missingTool('no-such-tool'), /DKVS_REQUIRE_TOOLS names it/);
  });
});
