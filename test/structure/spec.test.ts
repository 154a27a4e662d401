import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ROOT } from './sources.ts';

const text = readFileSync(join(ROOT, 'SPEC.md'), 'utf8');
const JUDGES = 'src/sim/judges';
/** Not judges, but what they lean on. */
const HELPERS = [
  'durable-files.ts',
  'durable-image.ts',
  'judges.ts',
  'lasting.ts',
  'log-model.ts',
  'snapshot-image.ts',
];

interface Row {
  readonly id: string;
  readonly line: string;
  readonly isGap: boolean;
}

function rows(): Row[] {
  const [ruled, gaps] = text.split('## Gaps') as [string, string];
  const read = (part: string, isGap: boolean) =>
    [...part.matchAll(/^\| ([A-Z]+\d*) \|.*$/gm)].map(([line, id]) => ({ id: id!, line, isGap }));
  return [...read(ruled, false), ...read(gaps, true)];
}

const numbers = (letter: string, to: number) =>
  Array.from({ length: to }, (_, i) => `${letter}${i + 1}`);

describe('SPEC.md', () => {
  it('has every invariant once, with a judge and a test, or as a gap', () => {
    const all = [
      ...numbers('S', 22),
      ...numbers('D', 5),
      ...numbers('R', 8),
      ...numbers('L', 11),
      'LIN',
    ];
    for (const id of all) {
      const found = rows().filter((row) => row.id === id);
      assert.equal(found.length, 1, `${id} stands there ${found.length} times`);
      const [{ isGap, line }] = found as [Row];
      if (isGap) continue;
      assert.match(line, /`src\/[^`]+\.ts`/, `${id} has no judge`);
      assert.match(line, /`test\/[^`]+\.ts`/, `${id} has no test`);
    }
  });

  it('names only files that exist', () => {
    const named = [...text.matchAll(/`((?:src|test|docs)\/[^`]+)`/g)].map(([, path]) => path!);
    assert.ok(named.length > 60, `${named.length} files are named`);
    for (const path of named) assert.ok(existsSync(join(ROOT, path)), path);
  });

  it('names every judge, and in its row every file that complains by its number', () => {
    const files = readdirSync(join(ROOT, JUDGES)).filter((file) => !HELPERS.includes(file));
    assert.ok(files.length > 12);
    const judged = [
      ...files.map((file) => `${JUDGES}/${file}`),
      'src/sim/liveness.ts',
      'src/sim/recoverable.ts',
      'src/sim/world.ts',
    ];
    for (const path of judged) {
      assert.ok(text.includes(`\`${path}\``), `${path} is not named`);
      const source = readFileSync(join(ROOT, path), 'utf8');
      const thrown = source.matchAll(/(?:new Violation\(|judge\(|within\()\s*'([A-Z]+\d*)'/g);
      for (const [, id] of thrown) {
        const row = rows().find((each) => each.id === id);
        assert.ok(
          row?.line.includes(`\`${path}\``),
          `${path} complains of ${id}, its row does not say so`,
        );
      }
    }
  });
});
