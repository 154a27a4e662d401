import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { bytesOf } from '../../src/base/bytes.ts';
import { EntryType, sealEntry, unsealedRecord } from '../../src/base/entry.ts';
import { index, term } from '../../src/base/ids.ts';
import { Ledger } from '../../src/cli/demo/ledger.ts';
import { compareLogs } from '../../src/cli/demo/logs.ts';
import { fateOf } from '../../src/cli/demo/typed-line.ts';
import { acknowledgementBars, longestSilence } from '../../src/cli/demo/writers.ts';
import { main } from '../../src/cli/main.ts';
import { FakeIo, until } from './fake-io.ts';
import { freePorts } from './ports.ts';

const directoryOf = (io: FakeIo) => /^data in (\S+?),? /m.exec(io.stdout.text)![1]!;

/** Processes that have the directory in their command line: what the demo has left behind. */
function processesOf(directory: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(directory);
      } catch {
        return false;
      }
    });
}

describe('dkvs demo', () => {
  it('plays to its end, loses nothing, and leaves nothing behind', async () => {
    const io = new FakeIo();
    const port = await freePorts(3);
    const code = await main(['demo', '--fast', `--port=${port}`], io);
    const { text } = io.stdout;
    assert.equal(code, 0, text + io.stderr.text);
    assert.match(
      text,
      /\nVERDICT {2}nothing was lost: \d{2,} writes acknowledged, and all are there/,
    );
    assert.doesNotMatch(text, /NOT TRUE/);
    assert.ok(!text.includes('\x1b'), 'no colours where there is no terminal');
    assert.match(text, /← "-REDIRECT 127\.0\.0\.1:\d+\\r\\n"/);
    assert.match(text, /kill -9 n\d, the leader, with [1-8] writes in flight/);
    assert.match(text, /← "-UNKNOWN .*\\r\\n"/);
    assert.match(text, /← "-CLUSTERDOWN .*nothing was applied\\r\\n"/);
    assert.match(text, /cut a torn tail of 1024 bytes/);
    assert.match(text, /three logs: \d+ entries, byte for byte the same/);
    assert.equal(io.listeners, 0);
    assert.equal(existsSync(directoryOf(io)), false);
    assert.deepEqual(processesOf(directoryOf(io)), []);
  });

  it('ends on Ctrl-C in the middle, and leaves nothing behind', async () => {
    const io = new FakeIo();
    const port = await freePorts(3);
    const code = main(['demo', '--fast', `--port=${port}`], io);
    await until(
      () => io.stdout.text.includes('8 writers'),
      () => io.stdout.text,
      15_000,
    );
    assert.equal(processesOf(directoryOf(io)).length, 3);
    io.signal('SIGINT');
    assert.equal(await code, 1);
    assert.match(io.stderr.text, /interrupted/);
    assert.equal(existsSync(directoryOf(io)), false);
    assert.deepEqual(processesOf(directoryOf(io)), []);
  });
});

/** A ledger with one write of each fate, and a counter that was incremented 3 to 5 times. */
function ledgerOfAll(): Ledger {
  const ledger = new Ledger();
  ledger.wrote('kept', 'a', 'acknowledged');
  ledger.wrote('never', 'b', 'refused');
  ledger.wrote('maybe', 'c', 'unknown');
  for (const answer of [1, 2, 4]) ledger.incremented('n', 'acknowledged', answer);
  for (const fate of ['unknown', 'unknown', 'refused'] as const) ledger.incremented('n', fate);
  return ledger;
}

const found = (entries: Record<string, string>) => new Map(Object.entries(entries));
const faultsOf = (entries: Record<string, string>) => ledgerOfAll().judge(found(entries)).faults;

describe('the verifier of the demo', () => {
  it('accepts every history that the answers allow, and counts it', () => {
    for (const n of ['3', '4', '5']) assert.deepEqual(faultsOf({ kept: 'a', n }), []);
    assert.deepEqual(ledgerOfAll().judge(found({ kept: 'a', maybe: 'c', n: '4' })), {
      acknowledged: 4,
      refused: 1,
      unknownApplied: 2,
      unknownNotApplied: 1,
      faults: [],
    });
  });

  it('finds a write that was lost, changed, or never to have been there', () => {
    assert.deepEqual(faultsOf({ n: '3' }), ['kept: acknowledged, and lost']);
    assert.deepEqual(faultsOf({ kept: 'z', n: '3' }), ['kept: holds z, which nobody wrote']);
    assert.deepEqual(faultsOf({ kept: 'a', maybe: 'z', n: '3' }), [
      'maybe: holds z, which nobody wrote',
    ]);
    assert.deepEqual(faultsOf({ kept: 'a', never: 'b', n: '3' }), [
      'never: refused as not applied, and yet there',
    ]);
  });

  it('finds an increment that was lost, counted twice, or answered twice', () => {
    assert.deepEqual(faultsOf({ kept: 'a', n: '2' }), ['n: 3 acknowledged, and only 2 there']);
    assert.deepEqual(faultsOf({ kept: 'a' }), ['n: 3 acknowledged, and only 0 there']);
    assert.deepEqual(faultsOf({ kept: 'a', n: '6' }), [
      'n: 6 there, of 5 at most: one was counted twice',
    ]);
    const ledger = ledgerOfAll();
    ledger.incremented('n', 'acknowledged', 4);
    assert.deepEqual(ledger.judge(found({ kept: 'a', n: '4' })).faults, [
      'n: two increments were answered 4',
    ]);
  });

  it('holds the cluster to what a look has shown', () => {
    const ledger = ledgerOfAll();
    ledger.settle(found({ kept: 'a', maybe: 'c', n: '5' }));
    assert.equal(ledger.acknowledged, 7);
    assert.deepEqual(ledger.judge(found({ kept: 'a', n: '4' })).faults, [
      'maybe: acknowledged, and lost',
      'n: 5 acknowledged, and only 4 there',
    ]);
    const other = ledgerOfAll();
    other.settle(found({ kept: 'a', n: '3' }));
    assert.deepEqual(other.judge(found({ kept: 'a', maybe: 'c', n: '4' })).faults, [
      'maybe: refused as not applied, and yet there',
      'n: 4 there, of 3 at most: one was counted twice',
    ]);
  });

  it('reads an answer as what it promises', () => {
    const fates = ['+OK\r\n', ':3\r\n', '-CLUSTERDOWN x\r\n', '-NOTAPPLIED x\r\n', '-ERR x\r\n'];
    assert.deepEqual(fates.map(fateOf), [
      'acknowledged',
      'acknowledged',
      'refused',
      'refused',
      'refused',
    ]);
    assert.deepEqual(['-UNKNOWN x\r\n', '-WHATEVER x\r\n', null].map(fateOf), [
      'unknown',
      'unknown',
      'unknown',
    ]);
  });

  it('finds where logs differ, and how much they share', () => {
    const entry = (at: number, payload: string) =>
      sealEntry(unsealedRecord(bytesOf(payload)), EntryType.Command, term(1), index(at));
    const log = [entry(1, 'a'), entry(2, 'b'), entry(3, 'c')];
    const other = [entry(1, 'a'), entry(2, 'x')];
    assert.deepEqual(compareLogs([log, log.slice(0, 2), log]), { common: 2, differsAt: null });
    assert.deepEqual(compareLogs([log, log, other]), { common: 1, differsAt: 2 });
    assert.deepEqual(compareLogs([log, []]), { common: 0, differsAt: null });
  });
});

describe('the measures of the demo', () => {
  it('find the longest silence, at either end too', () => {
    const at = [10, 20, 90, 100];
    assert.deepEqual(longestSilence(at, 0, 110), { fromMs: 20, ms: 70 });
    assert.deepEqual(longestSilence(at, 95, 300), { fromMs: 100, ms: 200 });
    assert.deepEqual(longestSilence([], 5, 25), { fromMs: 5, ms: 20 });
  });

  it('draw acknowledgements over time', () => {
    assert.equal(acknowledgementBars([0, 1, 2, 3, 12, 31, 32], 0, 40, 10), '█▂·▄');
    assert.equal(acknowledgementBars([], 0, 20, 10), '··');
  });
});
