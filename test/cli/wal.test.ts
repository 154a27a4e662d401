import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { bytesOf, EMPTY_BYTES } from '../../src/base/bytes.ts';
import { type Entry, EntryType, sealEntry, unsealedRecord } from '../../src/base/entry.ts';
import { index, nodeId, term } from '../../src/base/ids.ts';
import { tearTail } from '../../src/cli/demo/logs.ts';
import { main } from '../../src/cli/main.ts';
import { type Command, encodeCommand } from '../../src/kv/command.ts';
import { acquireDirectoryLock } from '../../src/node/lock.ts';
import { encodeConfiguration } from '../../src/raft/configuration.ts';
import { compact, snapshotLimits, take } from '../storage/snapshots.ts';
import { create, entries } from '../storage/world.ts';
import { FakeIo } from './fake-io.ts';

const root = mkdtempSync(join(tmpdir(), 'dkvs-wal-'));
after(() => rmSync(root, { recursive: true, force: true }));
const SEGMENT = 'wal-0000000001';

async function wal(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = new FakeIo();
  const code = await main(['wal', ...argv], io);
  return { code, out: io.stdout.text, err: io.stderr.text };
}

const set = (key: string | Uint8Array, value: string, more: object = {}): Command => ({
  kind: 'set',
  key: typeof key === 'string' ? bytesOf(key) : key,
  value: bytesOf(value),
  condition: 'none',
  comparand: EMPTY_BYTES,
  get: false,
  ...more,
});

function command(at: number, inTerm: number, content: Command): Entry {
  return sealEntry(encodeCommand(content), EntryType.Command, term(inTerm), index(at));
}

const [a, b] = [bytesOf('a'), bytesOf('b')];
const member = { id: nodeId(2), name: 'n2', host: '127.0.0.1', port: 7002, peerPort: 17002 };
const configuration = encodeConfiguration({ clusterId: new Uint8Array(16), members: [member] });
const sample: readonly Entry[] = [
  sealEntry(unsealedRecord(configuration), EntryType.Configuration, term(1), index(1)),
  sealEntry(unsealedRecord(EMPTY_BYTES), EntryType.Noop, term(1), index(2)),
  command(3, 1, set('greeting', 'hello')),
  command(4, 1, set(Uint8Array.of(0xff, 10), 'v'.repeat(50), { condition: 'ifne', comparand: a })),
  command(5, 1, { kind: 'get', key: a }),
  command(6, 1, { kind: 'del', keys: [a, b] }),
  command(7, 1, { kind: 'incrby', key: a, delta: 2n ** 62n }),
];

let directories = 0;

/** A data directory with a known log: two batches, then a cut with another entry 6. */
function dataDirectory(): string {
  const { disk, run } = create();
  run.persistNow({ entries: sample.slice(0, 2) });
  run.persistNow({ entries: sample.slice(2), commitIndex: index(2) });
  run.persistNow({
    truncateFrom: index(6),
    entries: [command(6, 2, set('b', '2', { get: true }))],
  });
  const directory = join(root, `n${++directories}`);
  mkdirSync(directory);
  for (const [name, bytes] of disk.image()) writeFileSync(join(directory, name), bytes);
  return directory;
}

/** One with two snapshots, and a log that has lost its beginning. */
function withSnapshots(): string {
  const { disk, run } = create(snapshotLimits);
  for (const one of entries(1, 40, 1, 1000)) run.persistNow({ entries: [one] });
  take(run, 20);
  take(run, 30);
  compact(run, 20);
  run.close();
  const directory = join(root, `n${++directories}`);
  mkdirSync(directory);
  for (const [name, bytes] of disk.image()) writeFileSync(join(directory, name), bytes);
  return directory;
}

/** Changes one byte of a file. */
function flip(directory: string, name: string, at: number): void {
  const file = join(directory, name);
  const bytes = readFileSync(file);
  bytes[at]! ^= 1;
  writeFileSync(file, bytes);
}

const contents = (directory: string) =>
  readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), 'latin1')]);

describe('dkvs wal dump', () => {
  it('lists segments, batches and entries, with their commands', async () => {
    const { code, out, err } = await wal('dump', dataDirectory());
    assert.deepEqual([code, err], [0, '']);
    const log = out.slice(out.indexOf(SEGMENT)).trimEnd();
    assert.deepEqual(log.split('\n'), [
      'wal-0000000001  16384 bytes, batches from 1 on, entries behind 0',
      '  batch 1 at byte 512: 2 records, 512 bytes, committed up to 0',
      '           1  term 1  configuration: n2=127.0.0.1:7002@17002',
      '           2  term 1  no-op: a new leader',
      '  batch 2 at byte 1024: 5 records, 512 bytes, committed up to 2',
      '           3  term 1  SET "greeting" "hello"',
      `           4  term 1  SET "\\xff\\n" "${'v'.repeat(32)}"… (50 bytes) IFNE "a"`,
      '           5  term 1  GET "a"',
      '           6  term 1  DEL "a" "b"',
      '           7  term 1  INCRBY "a" 4611686018427387904',
      '  batch 3 at byte 1536: 2 records, 512 bytes, committed up to 2',
      '    cut: entry 6 and all behind it are gone',
      '           6  term 2  SET "b" "2" GET',
      'end of the log at byte 2048 of wal-0000000001: last entry 6',
    ]);
  });

  it('says the same as JSON, a line for each, and nothing is cut short there', async () => {
    const { code, out } = await wal('dump', dataDirectory(), '--json');
    assert.equal(code, 0);
    const lines = out.trimEnd().split('\n');
    const items = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const kinds = items.map((item) => item['kind']).join(' ');
    assert.match(
      kinds,
      /^slot slot segment batch entry entry batch (entry ){5}batch truncation entry end$/,
    );
    const { incarnation, startId, admitted, disowned } = items[0]!;
    assert.deepEqual(
      { incarnation, startId, admitted, disowned },
      { incarnation: 1, startId: '5555555555555555', admitted: false, disowned: false },
    );
    assert.deepEqual(items.find((item) => item['index'] === 4)?.['command'], {
      name: 'set',
      key: { base64: '/wo=' },
      value: 'v'.repeat(50),
      condition: 'ifne',
      with: 'a',
    });
    // More than a double holds: the digits are there for whoever reads them as such.
    assert.ok(lines.some((line) => line.includes('"delta":4611686018427387904}')));
    assert.deepEqual(
      items.find((item) => item['kind'] === 'truncation'),
      {
        kind: 'truncation',
        file: SEGMENT,
        offset: 1600,
        from: 6,
      },
    );
  });

  it('takes a range of entries, with the batches that hold them', async () => {
    const { out } = await wal('dump', dataDirectory(), '--from', '5', '--to', '6');
    const rows = out.split('\n').filter((line) => line.startsWith('  '));
    assert.deepEqual(
      rows.filter((line) => !line.startsWith('   ')).map((row) => row.slice(2, 9)),
      ['batch 2', 'batch 3'],
    );
    assert.deepEqual(
      rows.flatMap((line) => /^ +(\d) {2}term|(cut)/.exec(line)?.slice(1) ?? []).filter(Boolean),
      ['5', '6', 'cut', '6'],
    );
    const { code, err } = await wal('dump', dataDirectory(), '--from=6', '--to=5');
    assert.deepEqual([code, err], [2, 'dkvs: --from 6 is behind --to 5\n']);
  });

  it('lists snapshots', async () => {
    const directory = withSnapshots();
    const { out } = await wal('dump', directory);
    assert.match(
      out,
      /\nsnapshot-0000000000000030 {2}\d+ bytes, the state behind entry 30 of term 1, id 30000\n/,
    );
    const [, , first] = (await wal('dump', directory, '--json')).out.split('\n');
    const { kind, index: at, members } = JSON.parse(first!);
    assert.deepEqual([kind, at, members], ['snapshot', 20, null]);
  });

  it('changes nothing', async () => {
    const directory = dataDirectory();
    tearTail(directory);
    const before = contents(directory);
    await wal('dump', directory);
    await wal('verify', directory);
    assert.deepEqual(contents(directory), before);
  });
});

describe('dkvs wal verify', () => {
  it('says that a log is whole, and counts', async () => {
    const directory = dataDirectory();
    const { code, out } = await wal('verify', directory);
    assert.equal(code, 0);
    assert.equal(
      out,
      `${directory}, of node n2\n  1 segment, 3 batches, 8 entries, 1 cut\n` +
        'ok: the log is whole up to entry 6 of term 2\n',
    );
    const report = JSON.parse((await wal('verify', directory, '--json')).out);
    assert.deepEqual([report.verdict, report.lastIndex, report.lastTerm], ['ok', 6, 2]);
  });

  it('knows snapshots, and where the log begins; a damaged one is no loss, but is told', async () => {
    const directory = withSnapshots();
    const { code, out } = await wal('verify', directory);
    assert.equal(code, 0);
    assert.match(out, /\n {2}2 snapshots; the log goes on from entry 20\n/);
    assert.match(out, /ok: the log is whole up to entry 40 of term 1/);
    flip(directory, 'snapshot-0000000000000030', 600);
    const bad = await wal('verify', directory);
    assert.equal(bad.code, 1);
    assert.match(bad.out, /snapshot-0000000000000030 is damaged: block 1 is bad/);
    assert.match(bad.out, /nothing is lost: the log is whole up to entry 40 of term 1/);
    const report = JSON.parse((await wal('verify', directory, '--json')).out);
    assert.deepEqual([report.verdict, report.snapshots, report.baseIndex], ['fallback', 1, 20]);
    flip(directory, 'snapshot-0000000000000020', 3);
    assert.match((await wal('verify', directory)).out, /rot: .*the snapshot is bad/);
    for (const name of ['20', '30']) rmSync(join(directory, `snapshot-00000000000000${name}`));
    assert.match((await wal('verify', directory)).out, /missing: .*no snapshot is there/);
  });

  it('takes a torn tail for what it is: harmless', async () => {
    const directory = dataDirectory();
    tearTail(directory);
    const { code, out } = await wal('verify', directory);
    assert.equal(code, 0);
    assert.match(out, /ok: the log is whole up to entry 6 of term 2, and has a torn tail/);
    assert.match(out, /1024 bytes at byte 2048 of wal-0000000001/);
    const report = JSON.parse((await wal('verify', directory, '--json')).out);
    assert.equal(report.verdict, 'torn');
    assert.match((await wal('dump', directory)).out, /\ntorn: 1024 bytes at byte 2048/);
  });

  it('finds rot: says where, and what a start would do', async () => {
    const directory = dataDirectory();
    flip(directory, SEGMENT, 1100);
    const { code, out } = await wal('verify', directory);
    assert.equal(code, 1);
    assert.match(out, /rot: wal-0000000001 at byte 1024: the body of a batch is bad/);
    assert.match(out, /good up to entry 2/);
    assert.match(out, /A start keeps a copy, cuts it off, and goes on as a suspect/);
    const dump = await wal('dump', directory, '--json');
    assert.equal(dump.code, 1);
    const last = JSON.parse(dump.out.trimEnd().split('\n').at(-1)!);
    assert.deepEqual([last.kind, last.offset, last.goodIndex], ['rot', 1024, 2]);
  });

  it('needs one slot of the hard state, and tells of the other', async () => {
    const directory = dataDirectory();
    flip(directory, 'state.1', 100);
    const { code, out } = await wal('verify', directory);
    assert.equal(code, 0);
    assert.match(out, /state\.1 \(checksum\) is bad; the other slot is enough/);
    flip(directory, 'state.0', 100);
    const both = await wal('verify', directory);
    assert.equal(both.code, 1);
    assert.match(both.out, /term and vote are lost/);
  });

  it('reads the directory of a running node, and says that it is one', async () => {
    const directory = dataDirectory();
    const lock = acquireDirectoryLock(directory);
    assert.ok('release' in lock);
    const { code, out } = await wal('verify', directory);
    assert.equal(code, 0);
    assert.match(out, new RegExp(`process ${process.pid} runs on it`));
    assert.match((await wal('dump', directory)).err, /the end of the log may be in motion/);
    lock.release();
    assert.doesNotMatch((await wal('verify', directory)).out, /runs on it/);
  });
});

describe('dkvs wal, misused', () => {
  it('refuses what is no data directory, and names the one that was meant', async () => {
    const directory = dataDirectory();
    const cases: [string, RegExp][] = [
      [join(root, 'nowhere'), /there is no .*nowhere/],
      [join(directory, SEGMENT), /is no directory/],
      [root, new RegExp(`${root} is no data directory of a node\n {2}did you mean ${root}/n1\\?`)],
      [mkdtempSync(join(tmpdir(), 'dkvs-wal-')), /it is what a node was started with/],
    ];
    for (const [path, text] of cases) {
      const { code, out, err } = await wal('verify', path);
      assert.deepEqual([code, out], [2, '']);
      assert.match(err, text);
    }
    rmSync(cases[3]![0], { recursive: true });
  });

  it('asks for an action and one directory', async () => {
    for (const [argv, text] of [
      [[], /wal does dump, verify, accept/],
      [['verfy', 'x'], /did you mean `verify`\?/],
      [['dump'], /name one data directory/],
      [['dump', 'a', 'b'], /name one data directory/],
    ] as [string[], RegExp][]) {
      const { code, err } = await wal(...argv);
      assert.equal(code, 2);
      assert.match(err, text);
    }
  });
});
