import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { missingTool } from '../tools.ts';
import { Cluster } from './cluster.ts';

const run = promisify(execFile);
const skip = missingTool('redis-cli') || missingTool('redis-benchmark');

describe('the tools of Redis', { skip, timeout: 60_000 }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.start();
  });
  after(() => cluster.close());

  async function redisCli(name: string, ...args: string[]): Promise<string> {
    const { port } = cluster.member(name);
    const { stdout } = await run('redis-cli', ['-h', '127.0.0.1', '-p', String(port), ...args]);
    return stdout.trimEnd();
  }

  it('redis-cli follows a follower to the leader with -c, and is told where it is without', async () => {
    const leader = await cluster.leader();
    const [follower] = cluster.others(leader) as [string];
    assert.equal(await redisCli(follower, '-c', 'SET', 'greeting', 'hello'), 'OK');
    assert.equal(await redisCli(follower, '-c', 'GET', 'greeting'), 'hello');
    assert.equal(await redisCli(follower, '-c', 'INCR', 'counter'), '1');
    const moved = await redisCli(follower, 'GET', 'greeting');
    // CRC-16 (XMODEM) of the key, modulo 16384.
    assert.equal(moved, `MOVED 12714 ${cluster.address(leader)}`);
    assert.match(await redisCli(leader, 'NONSENSE'), /^ERR unknown command/);
  });

  it('redis-cli speaks RESP3 with -3, and knows from COMMAND DOCS what there is to type', async () => {
    const leader = await cluster.leader();
    assert.equal(await redisCli(leader, '-3', 'CONFIG', 'GET', 'appendonly'), 'appendonly yes');
    assert.match(await redisCli(leader, '-3', 'INFO', 'raft'), /^# Raft\r\nraft_name:/);
    assert.equal(await redisCli(leader, 'WAIT', '2', '5000'), '2');
    const { port } = cluster.member(leader);
    const shell = run('redis-cli', ['-p', String(port)], {
      env: { ...process.env, FAKETTY: '1', TERM: 'dumb' },
    });
    shell.child.stdin!.end('help set\nhelp client setinfo\nhelp @cluster\n');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours of a terminal
    const shown = (await shell).stdout.replace(/\u001b\[[0-9;]*m/g, '');
    assert.match(shown, /SET key value \[NX\|XX\|IFEQ value\|/);
    assert.match(shown, /CLIENT SETINFO LIB-NAME libname\|LIB-VER libver\r\n/);
    assert.match(shown, /CLUSTER COUNTKEYSINSLOT slot\r\n/);
  });

  it('redis-benchmark finds no error, and its load starts no election', async () => {
    const leader = await cluster.leader();
    const before = (await cluster.status(leader, 2000))!;
    const args = ['-t', 'set,get,incr', '-c', '64', '-n', '20000', '-d', '256', '-r', '10000'];
    const port = String(cluster.member(leader).port);
    const { stdout, stderr } = await run('redis-benchmark', ['-p', port, '-q', ...args]);
    assert.equal(stderr, '');
    assert.deepEqual(stdout.match(/^(SET|GET|INCR): [\d.]+ requests per second/gm)?.length, 3);
    const now = (await cluster.status(leader, 2000))!;
    assert.deepEqual([now.role, now.term], ['leader', before.term]);
    assert.ok(now.commitIndex >= before.commitIndex + 60_000);
    await cluster.caughtUp();
  });
});
