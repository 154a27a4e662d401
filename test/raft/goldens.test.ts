import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { Script } from './script.ts';

// Readable transcripts of the core. A directive, `----`, and what came of it up to an empty line;
// state persists down a file. UPDATE_GOLDENS=1 rewrites what is expected: review the diff.

/** The sources lie beside the build: build/tests/raft -> test/raft. */
const folder = new URL('../../../test/raft/goldens/', import.meta.url);
const updates = process.env['UPDATE_GOLDENS'] === '1';

/** The file as it should read: comments and directives as they are, the rest made anew. */
function replay(source: string): string {
  const script = new Script();
  const lines: string[] = [];
  let expected = false;
  for (const line of source.trimEnd().split('\n')) {
    if (line === '') expected = false;
    if (expected || line === '----') continue;
    lines.push(line);
    if (line === '' || line.startsWith('#')) continue;
    lines.push('----', ...script.run(line));
    expected = true;
  }
  return `${lines.join('\n')}\n`;
}

for (const name of readdirSync(folder).sort()) {
  test(`golden: ${name}`, () => {
    const file = new URL(name, folder);
    const source = readFileSync(file, 'utf8');
    const actual = replay(source);
    if (updates) writeFileSync(file, actual);
    else assert.equal(actual, source);
  });
}
