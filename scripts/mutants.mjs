// `npm run mutants [NAMES] [--repetitions N] [--seeds-max N] [--document]`: the tests' test. Plants
// each bug of test/mutants/ in a copy of the tree, and sees what it takes to catch it: seeds of the
// simulator, with the assertions of the code and without them, or a test. Fails when one survives.

import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { checkout } from './freshness.mjs';

const PATCHES = join(checkout, 'test', 'mutants');
const DOCUMENT = join(checkout, 'docs', 'mutants.md');
const TREE = ['src', 'bench', 'test', 'bin', 'docs', 'scripts'];
const FILES = /^(package.*|tsconfig.*)\.json$|\.md$/;
/** No mutant: it is combined with the others. */
const NO_ASSERTIONS = 'no-assertions';
const ASSERT = join('src', 'base', 'assert.js');
/** Each repetition has seeds of its own, far from those of the tests. */
const SEEDS_APART = 1_000_000;
/** A seed takes about a second. */
const HANGS_AFTER_MS = 180_000;

/** What a patch says of itself, above the first file: a text, and fields. */
export function readMutants(directory = PATCHES) {
  const names = readdirSync(directory).filter((name) => name.endsWith('.patch'));
  return names.sort().map((file) => {
    const [head] = readFileSync(join(directory, file), 'utf8').split(/^--- /m);
    const field = (name) => new RegExp(`^${name}: (.+)$`, 'm').exec(head)?.[1] ?? null;
    const text = head.split('\n\n')[0].replaceAll('\n', ' ').trim();
    const alone = field('Clients alone') === 'yes';
    const id = field('RELIABILITY') ?? '';
    return { name: basename(file, '.patch'), file, text, id, suite: field('Suite'), alone };
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
      document: { type: 'boolean', default: false },
    },
  });
  const wanted = (name) => positionals.length === 0 || positionals.some((p) => name.includes(p));
  const all = readMutants().filter(({ name }) => name !== NO_ASSERTIONS);
  const mutants = all.filter(({ name }) => wanted(name));
  const options = { repetitions: +values.repetitions, seedsMax: +values['seeds-max'] };
  const root = mkdtempSync(join(tmpdir(), 'dkvs-mutants-'));
  const rows = new Map();
  try {
    const noAssertions = await plant(root, { name: NO_ASSERTIONS, file: `${NO_ASSERTIONS}.patch` });
    const sound = join(root, 'sound');
    cpSync(join(checkout, 'build'), sound, { recursive: true });
    cpSync(join(checkout, 'package.json'), join(sound, 'package.json'));
    const lab = { root, sound, noAssertions, ...options };
    const queue = [...mutants];
    const threads = Array.from({ length: availableParallelism() }, async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const row = await judge(lab, next);
        rows.set(next.name, row);
        if (values.document) writeTable(rows);
        process.stdout.write(`${rows.size} of ${mutants.length}: ${textOf(row)}\n`);
      }
    });
    await Promise.all(threads);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  const sorted = mutants.map(({ name }) => rows.get(name));
  const survivors = sorted.filter((row) => !isCaught(row));
  for (const row of survivors) process.stdout.write(`survived: ${textOf(row)}\n`);
  process.stdout.write(`${sorted.length - survivors.length} of ${sorted.length} are caught\n`);
  return survivors.length === 0 ? 0 : 1;
}

/** What it took to catch a mutant. Each of `catches` is null, or a list, one for each repetition. */
async function judge(lab, mutant) {
  const row = { ...mutant, trouble: '', withAssertions: null, without: null, clients: null };
  try {
    const copy = await plant(lab.root, mutant);
    if (mutant.suite === null) {
      row.withAssertions = await runSeeds(lab, copy, 'all');
      disarm(lab, copy);
      // Until an assertion fails it changes nothing: where none has, the runs are the same.
      const byAssertion = row.withAssertions.some((found) => found.judge?.startsWith('assertion'));
      row.without = byAssertion ? await runSeeds(lab, copy, 'all') : row.withAssertions;
      if (mutant.alone) row.clients = await runSeeds(lab, copy, 'LIN');
    } else {
      row.withAssertions = [await runSuite(copy, mutant.suite)];
      disarm(lab, copy);
      row.without = [await runSuite(copy, mutant.suite)];
    }
    rmSync(copy, { recursive: true });
  } catch (error) {
    row.trouble = error.message;
  }
  return row;
}

/** A copy of the tree with the patch applied, and built. The types of a mutant may be wrong. */
async function plant(root, { name, file }) {
  const copy = join(root, name);
  mkdirSync(copy);
  for (const part of TREE) cpSync(join(checkout, part), join(copy, part), { recursive: true });
  for (const part of readdirSync(checkout).filter((part) => FILES.test(part))) {
    cpSync(join(checkout, part), join(copy, part));
  }
  symlinkSync(join(checkout, 'node_modules'), join(copy, 'node_modules'));
  await run('git', ['apply', join(PATCHES, file)], copy);
  await run(join(checkout, 'node_modules', '.bin', 'tsc'), ['-b', '--noCheck'], copy);
  return copy;
}

/** Turns the assertions of a copy off. */
function disarm({ noAssertions }, copy) {
  cpSync(join(noAssertions, 'build', ASSERT), join(copy, 'build', ASSERT));
}

async function runSeeds({ sound, repetitions, seedsMax }, copy, judges) {
  const catches = [];
  for (let i = 1; i <= repetitions; i++) {
    const builds = { mutant: join(copy, 'build'), sound };
    catches.push(await untilCaught({ ...builds, from: i * SEEDS_APART, seedsMax, judges }));
    // Who has survived once is not caught.
    if (catches.at(-1).judge === null) break;
  }
  return catches;
}

/** Hanging and dying are ways of being caught. */
function untilCaught(workerData) {
  return new Promise((resolve) => {
    const worker = new Worker(new URL('./mutant-worker.mjs', import.meta.url), { workerData });
    let seeds = 0;
    const end = (judge) => {
      clearTimeout(timer);
      resolve({ seeds: Math.max(1, seeds), judge });
      worker.terminate();
    };
    const hangs = () => end('it hangs');
    let timer = setTimeout(hangs, HANGS_AFTER_MS);
    worker.on('message', (message) => {
      clearTimeout(timer);
      timer = setTimeout(hangs, HANGS_AFTER_MS);
      seeds = message.seeds + (message.judge === undefined ? 1 : 0);
      if (message.judge !== undefined) end(message.judge);
    });
    worker.on('error', (error) => end(error.code ?? error.name));
  });
}

async function runSuite(copy, suite) {
  try {
    await run(process.execPath, ['--test', suite], join(copy, 'build', 'tests'));
    return { seeds: 0, judge: null };
  } catch {
    return { seeds: 0, judge: `test/${suite.replace(/\.js$/, '.ts')}` };
  }
}

function run(program, args, cwd) {
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd, maxBuffer: 1e9, timeout: HANGS_AFTER_MS }, (error, out, err) => {
      if (error === null) resolve(out);
      else reject(new Error(`${program} ${args[0]}: ${err.trim() || error.message}`));
    });
  });
}

function isCaught({ trouble, withAssertions, without, clients }) {
  const found = [withAssertions, without, clients].filter((catches) => catches !== null);
  return trouble === '' && found.every((catches) => catches.every(({ judge }) => judge !== null));
}

/** "S6, LIN" and "3 / 8", or that it survived. */
function verdictOf(catches) {
  if (catches === null) return ['', ''];
  const survived = catches.find(({ judge }) => judge === null);
  if (survived !== undefined)
    return ['**nobody**', survived.seeds === 0 ? '' : `${survived.seeds}`];
  const judges = [...new Set(catches.map(({ judge }) => judge))].join(', ');
  const seeds = catches.map((found) => found.seeds).sort((a, b) => a - b);
  const median = seeds[Math.floor(seeds.length / 2)];
  return [judges, seeds[0] === 0 ? '' : `${median} / ${seeds.at(-1)}`];
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

/** Rows of other mutants stay as they were measured. */
function writeTable(measured) {
  const document = readFileSync(DOCUMENT, 'utf8');
  const before = new Map();
  for (const line of document.split('\n')) {
    const [, name = ''] = /^\| ([a-z0-9-]+) \|/.exec(line) ?? [];
    before.set(name, line);
  }
  const lines = readMutants().flatMap(({ name, id, text }) => {
    if (name === NO_ASSERTIONS) return [];
    const row = measured.get(name);
    if (row === undefined)
      return before.get(name) ?? `| ${name} | ${id} | ${text} | not measured | | |`;
    const cells = [row.withAssertions, row.without, row.clients].map(verdictOf);
    const [found, disarmed, clients] = cells.map(([judges, seeds]) => `${judges} ${seeds}`.trim());
    return `| ${name} | ${id} | ${text} | ${row.trouble || found} | ${disarmed} | ${clients} |`;
  });
  const title = '| mutant | § | what is planted | caught by | without assertions | clients alone |';
  const table = [title, '| --- | --- | --- | --- | --- | --- |', ...lines].join('\n');
  const section = /(<!-- mutants -->\n)[\s\S]*(<!-- \/mutants -->)/;
  writeFileSync(
    DOCUMENT,
    document.replace(section, (_, open, close) => `${open}${table}\n${close}`),
  );
}
