import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { main } from '../../src/cli/main.ts';
import { BLOCK_HEADER_BYTES, SNAPSHOT_FOOTER_BYTES } from '../../src/storage/snapshot-file.ts';
import { backupOf } from './backup-file.ts';
import { FakeIo } from './fake-io.ts';

const root = mkdtempSync(join(tmpdir(), 'dkvs-snapshot-'));
after(() => rmSync(root, { recursive: true, force: true }));

const HEADER_BYTES = 512;
const BLOCK_BYTES = 100;
const EXTENT = BLOCK_HEADER_BYTES + BLOCK_BYTES;
const pairs = Array.from({ length: 40 }, (_, i) => [`key ${i}`, `value ${i}`] as const);
const bytes = backupOf(pairs, { blockBytes: BLOCK_BYTES });
const BLOCKS = Math.ceil((bytes.length - HEADER_BYTES - SNAPSHOT_FOOTER_BYTES) / EXTENT);
const backup = join(root, 'monday.backup');
writeFileSync(backup, bytes);
const CLUSTER = 'n2=10.0.0.2:7001,n1=10.0.0.1:7001,n3=10.0.0.3:7001';

let names = 0;
const newPath = (): string => join(root, `path-${++names}`);

async function dkvs(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = new FakeIo();
  const code = await main(argv, io);
  return { code, out: io.stdout.text, err: io.stderr.text };
}

function fileOf(contents: Uint8Array): string {
  const path = newPath();
  writeFileSync(path, contents);
  return path;
}

function flipped(at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at]! ^= 0x10;
  return copy;
}

describe('dkvs snapshot', () => {
  it('inspects: where it was taken, of which cluster, and what is in it', async () => {
    const { code, out } = await dkvs('snapshot', 'inspect', backup, '--json');
    assert.equal(code, 0);
    const { file, members, ...facts } = JSON.parse(out);
    assert.equal(file, backup);
    assert.deepEqual(facts, {
      index: 40,
      term: 3,
      id: 4711,
      bytes: bytes.length,
      blocks: BLOCKS,
      keys: 40,
      revision: 40,
      clusterId: Buffer.from('the old cluster!').toString('hex'),
    });
    assert.deepEqual(members[1], { name: 'n2', address: '10.0.0.9:7002' });
    const human = await dkvs('snapshot', 'inspect', backup);
    assert.match(human.out, /entry {4}40 of term 3\n {2}state {4}40 keys, revision 40\n/);
  });

  it('verifies every byte: it names the block and the byte of the first that is bad', async () => {
    const good = await dkvs('snapshot', 'verify', backup);
    assert.equal(good.code, 0);
    assert.match(good.out, /^ok: .* is whole: \d+ blocks, .*40 keys at revision 40\n$/);
    for (let at = 0; at < bytes.length; at += 13) {
      const { code, out } = await dkvs('snapshot', 'verify', fileOf(flipped(at)), '--json');
      assert.equal(code, 1, `byte ${at}`);
      const { verdict, offset, block } = JSON.parse(out);
      assert.equal(verdict, 'damaged');
      assert.ok(offset <= at, `byte ${at} is found at ${offset}`);
      const inBlocks = at - HEADER_BYTES;
      if (inBlocks < 0 || at >= bytes.length - SNAPSHOT_FOOTER_BYTES) continue;
      // A length that has become wrong may look like another piece: then there is no block to name.
      const number = Math.floor(inBlocks / EXTENT);
      assert.equal(offset, HEADER_BYTES + number * EXTENT);
      if (inBlocks % EXTENT >= 4) assert.equal(block, number);
    }
  });

  it('finds what is cut off, what is too long, and what is no snapshot', async () => {
    for (const length of [0, 100, HEADER_BYTES, bytes.length - 33, bytes.length - 1]) {
      const { code, out } = await dkvs('snapshot', 'verify', fileOf(bytes.slice(0, length)));
      assert.equal(code, 1);
      assert.match(out, /^damaged: /, `${length} bytes`);
    }
    const long = await dkvs('snapshot', 'verify', fileOf(Buffer.concat([bytes, bytes])));
    assert.match(long.out, /there are bytes behind the end/);
    const other = await dkvs('snapshot', 'inspect', fileOf(Buffer.from('hello')));
    assert.equal(other.code, 1);
    assert.match(other.out, /the header is bad/);
  });

  it('refuses what it can not do, with a hint', async () => {
    assert.match((await dkvs('snapshot', 'verfy', backup)).err, /did you mean `verify`/);
    assert.match((await dkvs('snapshot', 'verify')).err, /name one file or data directory/);
    assert.match((await dkvs('snapshot', 'verify', newPath())).err, /there is no /);
    assert.equal((await dkvs('snapshot', 'verify', root)).code, 2);
  });
});

describe('dkvs restore', () => {
  const member = (name: string, directory: string, ...more: string[]) =>
    dkvs('restore', backup, `--name=${name}`, `--data=${directory}`, '--json', ...more);

  it('makes members that agree in all but what is their own', async () => {
    const shuffled = CLUSTER.split(',').reverse().join(',');
    const made = new Map<string, string>();
    const ids = new Set<string>();
    for (const [name, cluster] of [
      ['n1', CLUSTER],
      ['n2', shuffled],
      ['n3', CLUSTER],
    ] as const) {
      const directory = newPath();
      const { code, out, err } = await member(name, directory, `--cluster=${cluster}`);
      assert.equal(code, 0, err);
      const facts = JSON.parse(out);
      assert.deepEqual([facts.index, facts.term, facts.revision], [40, 3, 40]);
      ids.add(facts.clusterId);
      made.set(name, directory);
    }
    assert.equal(ids.size, 1, 'one cluster');
    const snapshots = [...made.values()].map((directory) =>
      readFileSync(join(directory, 'snapshot-0000000000000040')).toString('hex'),
    );
    assert.equal(new Set(snapshots).size, 1, 'the same file on all of them');
    const states = [...made.values()].map((directory) => readFileSync(join(directory, 'state.0')));
    assert.equal(new Set(states.map(String)).size, 3, 'each directory has an id of its own');
    const verified = await dkvs('snapshot', 'verify', made.get('n2')!, '--json');
    const { verdict, id, clusterId } = JSON.parse(verified.out);
    assert.equal(verdict, 'ok');
    assert.notEqual(id, 4711, 'not the file that the backup is');
    assert.deepEqual([clusterId], [...ids]);
    assert.equal((await dkvs('wal', 'verify', made.get('n1')!)).code, 0);
  });

  it('makes another cluster of another token, other members, another backup', async () => {
    const idOf = async (file: string, cluster: string, ...more: string[]) => {
      const flags = [`--name=n1`, `--data=${newPath()}`, `--cluster=${cluster}`, '--json'];
      const { out, err } = await dkvs('restore', file, ...flags, ...more);
      assert.equal(err, '');
      return JSON.parse(out).clusterId as string;
    };
    const first = await idOf(backup, CLUSTER);
    assert.equal(await idOf(backup, CLUSTER), first);
    const other = fileOf(backupOf(pairs, { id: 4712, blockBytes: BLOCK_BYTES }));
    const ids = [
      first,
      await idOf(backup, CLUSTER, '--token=again'),
      await idOf(backup, CLUSTER.replace('10.0.0.3', '10.0.0.4')),
      await idOf(other, CLUSTER),
    ];
    assert.equal(new Set(ids).size, 4);
  });

  it('makes the directories of a local cluster, another one each time', async () => {
    const ids = new Set<string>();
    for (const nodes of [3, 5]) {
      const data = newPath();
      const { out, err } = await dkvs('restore', backup, `--data=${data}`, `--nodes=${nodes}`);
      assert.match(
        out,
        /^restored n1, n2, n3.* of cluster [0-9a-f]{32}: 40 keys, revision 40\n/,
        err,
      );
      assert.match(
        out,
        new RegExp(`start it: dkvs cluster --data ${data}${nodes === 5 ? ' --nodes 5' : '\n'}`),
      );
      assert.equal(readdirSync(data).length, nodes);
      ids.add(/cluster ([0-9a-f]+)/.exec(out)![1]!);
    }
    assert.equal(ids.size, 2);
  });

  it('writes nothing when the backup is damaged', async () => {
    const data = newPath();
    const bad = fileOf(flipped(bytes.length - 300));
    const { code, err } = await dkvs('restore', bad, `--data=${data}`);
    assert.equal(code, 1);
    assert.match(err, /is no whole backup: block \d+ is bad/);
    assert.equal(existsSync(data), false);
  });

  it('never touches a directory that has something in it', async () => {
    const data = newPath();
    mkdirSync(join(data, 'n2'), { recursive: true });
    writeFileSync(join(data, 'n2', 'precious'), 'x');
    for (const flags of [
      ['--data', join(data, 'n2'), '--name=n2', `--cluster=${CLUSTER}`],
      ['--data', data],
    ]) {
      const { code, err } = await dkvs('restore', backup, ...flags);
      assert.equal(code, 2);
      assert.match(err, /is not empty: there is (precious|n2)/);
    }
    assert.deepEqual(readdirSync(data), ['n2']);
    const empty = newPath();
    mkdirSync(empty);
    const made = await dkvs(
      'restore',
      backup,
      '--data',
      empty,
      '--name=n2',
      `--cluster=${CLUSTER}`,
    );
    assert.equal(made.code, 0, made.err);
    assert.equal(statSync(join(empty, 'state.0')).size, 4096);
    const again = await dkvs(
      'restore',
      backup,
      '--data',
      empty,
      '--name=n2',
      `--cluster=${CLUSTER}`,
    );
    assert.equal(again.code, 2);
  });

  it('says what is missing', async () => {
    const refused = async (...flags: string[]) => {
      const { code, err } = await dkvs('restore', ...flags);
      assert.equal(code, 2);
      return err;
    };
    assert.match(await refused(), /name one backup/);
    assert.match(await refused(backup), /--data is missing/);
    assert.match(await refused(backup, '--data=x', '--name=n1'), /--name goes with --cluster/);
    assert.match(await refused(backup, '--data=x', `--cluster=${CLUSTER}`), /--name is missing/);
    const nobody = await refused(backup, '--data=x', '--name=n9', `--cluster=${CLUSTER}`);
    assert.match(nobody, /n9 is no member of --cluster\n {2}take one of n1, n2, n3/);
  });
});
