import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import { chooseNode } from '../../src/cli/backup/point.ts';
import { main } from '../../src/cli/main.ts';
import { type MemberStatus, unreachable } from '../../src/cli/node-status.ts';
import { backupOf } from './backup-file.ts';
import { FakeIo, until } from './fake-io.ts';
import { type Answer, bulk, FakeServer } from './fake-server.ts';

const root = mkdtempSync(join(tmpdir(), 'dkvs-backup-'));
after(() => rmSync(root, { recursive: true, force: true }));

const BLOCK_BYTES = 200;
const HEADER_BYTES = 512;
const pairs = Array.from({ length: 60 }, (_, i) => [`key ${i}`, `value ${i}`] as const);
const POINT = 50;
/** The same state, as two nodes have written it down. */
const files = [101, 102].map((id) => backupOf(pairs, { id, blockBytes: BLOCK_BYTES }));

interface FakeNode {
  readonly file: Uint8Array;
  readonly id: number;
  /** What it says to the READ with this number, from 0, in place of the piece; null: nothing. */
  readonly read?: (at: number, piece: Buffer) => Buffer | string | null;
  /** It answers no BEGIN, and no STATUS for which this says true. */
  readonly frozen?: () => boolean;
}

/** Reads of all nodes, as "id offset". */
let reads: string[] = [];
const servers: FakeServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  reads = [];
});

/** A leader, n1, and a follower for each file. @returns what --connect takes. */
async function cluster(...followers: readonly FakeNode[]): Promise<string> {
  const members: { name: string; address: string }[] = [];
  const statusOf = (at: number) =>
    bulk(
      JSON.stringify({
        ...{ name: `n${at + 1}`, address: members[at]!.address, phase: 'running', term: 3 },
        // The first follower is the one that has applied most.
        ...{ role: at === 0 ? 'leader' : 'follower', lastApplied: 100 - at, commitIndex: 7 },
        members,
      }),
    );
  const leader: Answer = ([name, sub]) => {
    if (name === 'STATUS') return statusOf(0);
    if (name === 'DBSIZE') return ':60\r\n';
    return name === 'BACKUP' && sub === 'POINT' ? `:${POINT}\r\n` : '-NOBACKUP not here\r\n';
  };
  const answers = [leader, ...followers.map((node, i) => serve(node, () => statusOf(i + 1)))];
  for (const [i, answer] of answers.entries()) {
    const server = await FakeServer.listen(answer);
    servers.push(server);
    members.push({ name: `n${i + 1}`, address: server.address });
  }
  return `--connect=${members[0]!.address}`;
}

function serve(
  { file, id, read = (_, piece) => piece, frozen }: FakeNode,
  status: () => string,
): Answer {
  let count = 0;
  return ([name, sub, ...args]) => {
    if (name === 'STATUS') return frozen?.() === true ? null : status();
    if (sub === 'BEGIN') {
      if (frozen !== undefined) return null;
      assert.deepEqual(args, ['AFTER', `${POINT}`]);
      const fields = { index: 60, term: 3, id, bytes: file.length };
      const parts = Object.entries(fields).map(([field, value]) => `${bulk(field)}:${value}\r\n`);
      return `*8\r\n${parts.join('')}`;
    }
    reads.push(args.join(' '));
    assert.equal(args[0], `${id}`, 'only its own');
    const offset = Number(args[1]);
    const end = offset === 0 ? HEADER_BYTES : Math.min(offset + BLOCK_BYTES + 8, file.length);
    const said = read(count++, Buffer.from(file.subarray(offset, pieceEnd(file, offset, end))));
    if (said === null || typeof said === 'string') return said;
    return Buffer.concat([Buffer.from(`$${said.length}\r\n`), said, Buffer.from('\r\n')]);
  };
}

/** The last block is shorter, and the footer has 32 bytes. */
function pieceEnd(file: Uint8Array, offset: number, end: number): number {
  const footerAt = file.length - 32;
  return offset < footerAt ? Math.min(end, footerAt) : file.length;
}

async function backup(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = new FakeIo();
  const code = await main(['backup', ...argv], io);
  return { code, out: io.stdout.text, err: io.stderr.text };
}

let names = 0;
const newPath = (): string => join(root, `b${++names}`);
const leftovers = (): readonly string[] =>
  readdirSync(root).filter((name) => name.endsWith('.part'));

const [first, second] = [
  { file: files[0]!, id: 101 },
  { file: files[1]!, id: 102 },
];

describe('dkvs backup', () => {
  it('writes what the follower sends that has applied most', async () => {
    const path = newPath();
    const { code, out, err } = await backup(path, '--json', await cluster(first, second));
    assert.equal(code, 0, err);
    assert.deepEqual(Buffer.compare(readFileSync(path), files[0]!), 0);
    const { tookMs, ...facts } = JSON.parse(out);
    assert.ok(tookMs >= 0);
    assert.deepEqual([facts.node, facts.id, facts.keys, facts.revision], ['n2', 101, 60, 60]);
    assert.deepEqual(leftovers(), []);
  });

  it('reads from the node that is named, and says when that can not', async () => {
    const path = newPath();
    const other = await backup(path, '--json', '--node=n3', await cluster(first, second));
    assert.equal(JSON.parse(other.out).node, 'n3');
    const leader = await backup(newPath(), '--node=n1', await cluster(first));
    assert.equal(leader.code, 5);
    assert.match(leader.err, /n1 could not go on: NOBACKUP not here; again, from the start/);
    assert.match(
      leader.err,
      /unavailable: n1 does not answer, or could not give it \(n1: NOBACKUP/,
    );
    assert.deepEqual(leftovers(), []);
  });

  const faults: [string, NonNullable<FakeNode['read']>, RegExp][] = [
    [
      'a byte that has changed on the way',
      (at, piece) => {
        if (at === 3) piece[40]! ^= 1;
        return piece;
      },
      /block 2 is bad/,
    ],
    ['half a piece', (at, piece) => (at === 3 ? piece.subarray(0, 50) : piece), /half a piece/],
    ['an error', (at, piece) => (at === 3 ? '-NOBACKUP idle\r\n' : piece), /NOBACKUP idle/],
    ['nothing', (at, piece) => (at === 3 ? '$0\r\n\r\n' : piece), /no piece/],
  ];
  for (const [what, read, why] of faults) {
    it(`begins again with another node after ${what}, and mixes nothing`, async () => {
      const path = newPath();
      const { code, out, err } = await backup(
        path,
        '--json',
        await cluster({ ...first, read }, second),
      );
      assert.equal(code, 0, err);
      assert.match(err, why);
      assert.equal(JSON.parse(out).id, 102);
      assert.deepEqual(Buffer.compare(readFileSync(path), files[1]!), 0);
      assert.equal(reads.indexOf('102 0'), 4, 'from the first byte');
    });
  }

  it('takes no other snapshot than the one that was announced', async () => {
    const liar = { ...first, file: files[1]! };
    const { code, err, out } = await backup(newPath(), '--json', await cluster(liar, second));
    assert.equal(code, 0, err);
    assert.match(err, /n2 could not go on: it sent another snapshot/);
    assert.equal(JSON.parse(out).node, 'n3');
  });

  it('waits for a node that writes its state down, not for one that stands still', async () => {
    let looks = 0;
    // It was there when it was chosen, and then says nothing any more.
    const frozen = { ...first, frozen: () => looks++ > 1 };
    const { code, out, err } = await backup(newPath(), '--json', await cluster(frozen, second));
    assert.equal(code, 0, err);
    assert.match(err, /n2 could not go on: it does not answer; again, from the start/);
    assert.equal(JSON.parse(out).node, 'n3');
    assert.ok(looks >= 4, 'it was asked whether it is there');
  });

  it('leaves nothing behind a Ctrl-C', async () => {
    const silent = { ...first, read: (at: number, piece: Buffer) => (at === 5 ? null : piece) };
    const io = new FakeIo();
    const path = newPath();
    const running = main(['backup', path, await cluster(silent)], io);
    await until(
      () => reads.length === 6,
      () => 'six reads',
    );
    assert.equal(existsSync(`${path}.part`), true);
    io.signal('SIGINT');
    assert.equal(await running, 1);
    assert.equal(io.listeners, 0);
    assert.match(io.stderr.text, /interrupted: nothing was made/);
    assert.deepEqual([existsSync(path), leftovers()], [false, []]);
  });

  it('overwrites nothing unless told to', async () => {
    const path = newPath();
    writeFileSync(path, 'precious');
    const connect = await cluster(first);
    const refused = await backup(path, connect);
    assert.equal(refused.code, 2);
    assert.match(refused.err, /exists\n {2}name another file, or replace it with --force/);
    assert.equal(readFileSync(path, 'utf8'), 'precious');
    assert.equal((await backup(path, '--force', connect)).code, 0);
    assert.equal(readFileSync(path).length, files[0]!.length);
    const halfDone = newPath();
    writeFileSync(`${halfDone}.part`, 'of another run');
    const busy = await backup(halfDone, connect);
    assert.match(busy.err, /\.part exists: another run writes it, or was killed/);
    assert.equal(readFileSync(`${halfDone}.part`, 'utf8'), 'of another run');
    rmSync(`${halfDone}.part`);
  });

  it('goes to standard output with -, where a lost node ends it', async () => {
    const io = new FakeIo();
    assert.equal(await main(['backup', '-', await cluster(first)], io), 0);
    assert.deepEqual(Buffer.compare(io.stdout.bytes, files[0]!), 0);
    const failing = {
      ...first,
      read: (at: number, piece: Buffer) => (at === 3 ? '-ERR\r\n' : piece),
    };
    const { code, err } = await backup('-', await cluster(failing, second));
    assert.equal(code, 5);
    assert.match(err, /standard output can not be taken back/);
    assert.equal((await backup('-', '--json', await cluster(first))).code, 2);
  });

  it('needs a leader, to know what has been acknowledged', async () => {
    const status = '{"name":"n2","role":"follower","phase":"running","members":[]}';
    const server = await FakeServer.listen(() => bulk(status));
    servers.push(server);
    const { code, err } = await backup(newPath(), '--timeout=300ms', `--connect=${server.address}`);
    assert.equal(code, 5);
    assert.match(err, /unavailable: no leader answers/);
    assert.deepEqual(leftovers(), []);
  });
});

describe('the node to read from', () => {
  const node = (name: string, more: Partial<MemberStatus>): MemberStatus => ({
    ...unreachable(`${name}:7001`, name),
    role: 'follower',
    phase: 'running',
    lastApplied: 10,
    suspect: false,
    ...more,
  });
  const chosen = (statuses: readonly MemberStatus[], failed: readonly string[] = []) =>
    chooseNode(statuses, null, new Set(failed))?.name ?? null;

  it('is a sound follower, else the leader, else nobody', () => {
    const leader = node('n1', { role: 'leader', lastApplied: 99 });
    assert.equal(chosen([leader, node('n2', {}), node('n3', { lastApplied: 11 })]), 'n3');
    assert.equal(chosen([leader, node('n2', {}), node('n3', { suspect: true })]), 'n2');
    assert.equal(chosen([leader, node('n2', { phase: 'joining' })]), 'n1');
    assert.equal(chosen([leader, node('n2', { lastApplied: 0 })]), 'n2');
    assert.equal(chosen([leader, node('n2', {})], ['n2:7001', 'n1:7001']), null);
    assert.equal(chosen([unreachable('n1:7001', 'n1')]), null);
  });
});
