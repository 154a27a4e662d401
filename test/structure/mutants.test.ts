import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ROOT } from './sources.ts';

interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly text: string;
  readonly id: string;
  readonly suite: string | null;
}

const { readMutants }: { readMutants(): Mutant[] } = await import(
  join(ROOT, 'scripts', 'mutants.mjs')
);

// Whether they are caught takes long: `npm run mutants`, docs/mutants.md.
describe('the planted bugs', () => {
  const mutants = readMutants();

  it('still apply, each of them', () => {
    const stale = mutants.filter(({ file }) => {
      const args = ['apply', '--check', join(ROOT, 'test', 'mutants', file)];
      try {
        execFileSync('git', args, { cwd: ROOT, stdio: 'pipe' });
        return false;
      } catch {
        return true;
      }
    });
    assert.ok(mutants.length > 40);
    assert.deepEqual(
      stale.map(({ file }) => file),
      [],
    );
  });

  it('say what they are, and stand in the table of docs/mutants.md', () => {
    const document = readFileSync(join(ROOT, 'docs', 'mutants.md'), 'utf8');
    for (const { name, text, id, suite } of mutants) {
      if (name === 'no-assertions') continue;
      assert.ok(text.length > 20 && id !== '', name);
      assert.ok(document.includes(`| ${name} | ${id} | ${text} |`), name);
      if (suite === null) continue;
      assert.ok(existsSync(join(ROOT, 'test', suite.replace(/\.js$/, '.ts'))), suite);
    }
  });
});
