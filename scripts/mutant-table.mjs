// The table of docs/mutants.md: one row a mutant, written when it has been measured. Runs that go on
// at the same time each write their own rows, and leave all others as they are.

import { mkdirSync, readFileSync, renameSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const TITLE = '| mutant | § | what is planted | caught by | without assertions | clients alone |';
const RULE = '| --- | --- | --- | --- | --- | --- |';
const SECTION = /(<!-- mutants -->\n)([\s\S]*)(<!-- \/mutants -->)/;
/** A lock is held for milliseconds: one of this age was left behind. */
const LOCK_STALE_MS = 10_000;

/** "S6, LIN" and "3 / 8", or that it survived. @param catches null, or a list of `Catch`. */
export function verdictOf(catches) {
  if (catches === null) return ['', ''];
  const survived = catches.find(({ judge }) => judge === null);
  if (survived !== undefined) {
    return ['**nobody**', survived.seeds === 0 ? '' : `in ${survived.seeds}`];
  }
  const judges = [...new Set(catches.map(({ judge }) => judge))].join(', ');
  const seeds = catches.map((found) => found.seeds).sort((a, b) => a - b);
  const median = seeds[Math.floor(seeds.length / 2)];
  return [judges, seeds[0] === 0 ? '' : `${median} / ${seeds.at(-1)}`];
}

/** @param row null: not measured. */
function lineOf({ name, id, text }, row) {
  if (row === null) return `| ${name} | ${id} | ${text} | not measured | | |`;
  const cells = [row.withAssertions, row.without, row.clients].map((catches) =>
    verdictOf(catches).join(' ').trim(),
  );
  if (row.trouble !== '') cells[0] = row.trouble.split('\n')[0].replaceAll('|', '/');
  return `| ${name} | ${id} | ${text} | ${cells.join(' | ')} |`;
}

/** The document with this mutant's row anew, a row for each that has none, and none for what is no
 *  mutant any more. */
export function withRow(document, mutants, row) {
  const [, , table] = SECTION.exec(document) ?? [];
  if (table === undefined) throw new Error('the document has no place for the table');
  const before = new Map();
  for (const line of table.split('\n')) {
    const [, name] = /^\| ([a-z0-9-]+) \|/.exec(line) ?? [];
    if (name !== undefined) before.set(name, line);
  }
  const lines = mutants.map((mutant) => {
    if (mutant.name === row?.name) return lineOf(mutant, row);
    const line = before.get(mutant.name);
    const isSame = line?.startsWith(`| ${mutant.name} | ${mutant.id} | ${mutant.text} |`);
    return isSame ? line : lineOf(mutant, null);
  });
  const text = [TITLE, RULE, ...lines].join('\n');
  return document.replace(SECTION, (_, open, _table, close) => `${open}${text}\n${close}`);
}

/** Reads, changes and writes the file as one: no other run comes between, and nobody sees half of
 *  it. */
export async function writeRow(path, mutants, row) {
  const lock = `${path}.lock`;
  while (!tryLock(lock)) await sleep(5 + 20 * Math.random());
  try {
    const temporary = `${path}.${process.pid}`;
    writeFileSync(temporary, withRow(readFileSync(path, 'utf8'), mutants, row));
    renameSync(temporary, path);
  } finally {
    rmdirSync(lock);
  }
}

function tryLock(lock) {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  try {
    if (Date.now() - statSync(lock).mtimeMs > LOCK_STALE_MS) rmdirSync(lock);
  } catch {
    // Whoever held it has let go of it, or broken it first.
  }
  return false;
}
