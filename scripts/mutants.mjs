// `npm run mutants [NAMES] [--repetitions N] [--seeds-max N] [--minutes-each M] [--document]`: the
// tests' test. Plants each bug of test/mutants/ in a copy of the tree, and sees what it takes to catch
// it: seeds of the simulator, with the assertions of the code and without them, or a test. Fails when
// one survives.

import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { checkout } from './freshness.mjs';
import { huntSeeds } from './mutant-hunt.mjs';
import { Lab } from './mutant-lab.mjs';
import { verdictOf, writeRow } from './mutant-table.mjs';

const PATCHES = join(checkout, 'test', 'mutants');
const DOCUMENT = join(checkout, 'docs', 'mutants.md');
/** No mutant: it is combined with the others. */
const NO_ASSERTIONS = 'no-assertions';
/** Each repetition has seeds of its own, far from those of the tests. */
const SEEDS_APART = 1_000_000;
const HELP = `npm run mutants [-- NAMES] [OPTIONS]

Plants each bug of test/mutants/ (or those whose names contain one of NAMES) in a copy of the tree,
and sees what it takes to catch it. Fails when one survives.

  --repetitions N     how often, each with seeds of its own (3)
  --seeds-max N       seeds of one repetition, at the most (2000)
  --minutes-each M    time for one bug, at the most (10)
  --document          put the rows into docs/mutants.md, too

  npm run mutants -- suspect --repetitions 1
  npm run mutants -- --document`;
const PROGRESS_MS = 1000;
const PROGRESS_PLAIN_MS = 15_000;

/** What a patch says of itself, above the first file: a text, and fields. */
export function readMutants(directory = PATCHES) {
  const names = readdirSync(directory).filter((name) => name.endsWith('.patch'));
  return names.sort().map((file) => {
    const [head] = readFileSync(join(directory, file), 'utf8').split(/^--- /m);
    const field = (name) => new RegExp(`^${name}: (.+)$`, 'm').exec(head)?.[1] ?? null;
    const text = head.split('\n\n')[0].replaceAll('\n', ' ').trim();
    const alone = field('Clients alone') === 'yes';
    const isCore = field('Hunted by') === 'cores';
    const id = field('RELIABILITY') ?? '';
    return { name: basename(file, '.patch'), file, text, id, suite: field('Suite'), alone, isCore };
  });
}

/** @returns {Promise<number>} the exit code. */
export async function runMutants(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      repetitions: { type: 'string', default: '3' },
      'seeds-max': { type: 'string', default: '2000' },
      'minutes-each': { type: 'string', default: '10' },
      document: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const wanted = (name) => positionals.length === 0 || positionals.some((p) => name.includes(p));
  const all = readMutants().filter(({ name }) => name !== NO_ASSERTIONS);
  const mutants = all.filter(({ name }) => wanted(name));
  const lab = new Lab();
  const run = new Run(lab, mutants.length, {
    repetitions: +values.repetitions,
    seedsMax: +values['seeds-max'],
    mostMs: +values['minutes-each'] * 60_000,
  });
  const finished = async (row) => {
    if (values.document) await writeRow(DOCUMENT, all, row);
    run.say(`${run.done} of ${mutants.length}: ${textOf(row)}`);
  };
  try {
    await lab.prepare();
    // What takes long goes first, so that no core is left waiting for it at the end.
    const queue = [...mutants].sort((a, b) => Number(b.alone) - Number(a.alone));
    const threads = Array.from({ length: availableParallelism() }, async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        await finished(await run.judge(next));
      }
    });
    await Promise.all(threads);
  } finally {
    run.end();
    lab.close();
  }
  return conclude(run.rows);
}

function conclude(rows) {
  const survivors = rows.filter((row) => !isCaught(row));
  for (const row of survivors) process.stdout.write(`survived: ${textOf(row)}\n`);
  process.stdout.write(`${rows.length - survivors.length} of ${rows.length} are caught\n`);
  return survivors.length === 0 ? 0 : 1;
}

/** One call of `npm run mutants`: all its hunts, and the line that says how far they are. */
class Run {
  rows = [];
  #lab;
  #count;
  #options;
  /** By mutant that is being hunted: what is being done. */
  #now = new Map();
  #startedMs = performance.now();
  #timer;

  constructor(lab, count, options) {
    this.#lab = lab;
    this.#count = count;
    this.#options = options;
    const everyMs = process.stderr.isTTY ? PROGRESS_MS : PROGRESS_PLAIN_MS;
    this.#timer = setInterval(() => this.#progress(), everyMs);
  }

  get done() {
    return this.rows.length;
  }

  /** What it took to catch a mutant. Each of `catches` is null, or a list, one for each repetition. */
  async judge(mutant) {
    const row = { ...mutant, trouble: '', withAssertions: null, without: null, clients: null };
    this.#now.set(mutant.name, 'planted');
    const untilMs = performance.now() + this.#options.mostMs;
    try {
      const copy = await this.#lab.plant(mutant);
      if (mutant.suite === null) await this.#hunt(row, copy, untilMs);
      else await this.#test(row, copy);
      this.#lab.remove(copy);
    } catch (error) {
      row.trouble = error.message;
    }
    this.#now.delete(mutant.name);
    this.rows.push(row);
    return row;
  }

  say(text) {
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    process.stdout.write(`${text}\n`);
  }

  end() {
    clearInterval(this.#timer);
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  }

  async #hunt(row, copy, untilMs) {
    row.withAssertions = await this.#runSeeds(row, copy, 'all', untilMs);
    this.#lab.disarm(copy);
    // Until an assertion fails it changes nothing: where none has, the runs are the same.
    const byAssertion = row.withAssertions.some((found) => found.judge?.includes('assertion'));
    row.without = byAssertion
      ? await this.#runSeeds(row, copy, 'all', untilMs)
      : row.withAssertions;
    if (row.alone) row.clients = await this.#runSeeds(row, copy, 'LIN', untilMs);
  }

  async #test(row, copy) {
    row.withAssertions = [await this.#lab.runSuite(copy, row.suite)];
    this.#lab.disarm(copy);
    row.without = [await this.#lab.runSuite(copy, row.suite)];
  }

  async #runSeeds({ name, isCore }, copy, judges, untilMs) {
    const { repetitions, seedsMax } = this.#options;
    const { signal } = this.#lab.abort;
    const builds = { mutant: join(copy, 'build'), sound: join(this.#lab.sound, 'build') };
    const catches = [];
    for (let i = 1; i <= repetitions; i++) {
      const onSeed = (seeds) => this.#now.set(name, `${i}/${repetitions}, ${seeds} seeds`);
      const what = { ...builds, from: i * SEEDS_APART + 1, seedsMax, judges, isCore };
      const { seeds, judge } = await huntSeeds(what, { untilMs, onSeed, signal });
      catches.push({ seeds, judge: isCore && judge !== null ? `core ${judge}` : judge });
      // Who has survived once is not caught.
      if (judge === null) break;
    }
    return catches;
  }

  #progress() {
    const minutes = ((performance.now() - this.#startedMs) / 60_000).toFixed(1);
    const now = [...this.#now].map(([name, what]) => `${name} (${what})`).join(', ');
    const text = `${this.done} of ${this.#count} in ${minutes} min; now ${now || 'building'}`;
    process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
  }
}

function isCaught({ trouble, withAssertions, without, clients }) {
  const found = [withAssertions, without, clients].filter((catches) => catches !== null);
  return trouble === '' && found.every((catches) => catches.every(({ judge }) => judge !== null));
}

function textOf({ name, trouble, withAssertions, without, clients }) {
  if (trouble !== '') return `${name}: ${trouble}`;
  const part = (what, catches) => {
    const [judges, seeds] = verdictOf(catches);
    return judges === '' ? '' : `; ${what}${judges}${seeds === '' ? '' : `, ${seeds} seeds`}`;
  };
  const parts = [part('', withAssertions), part('without assertions ', without)];
  return `${name}${[...parts, part('clients alone ', clients)].join('')}`;
}
