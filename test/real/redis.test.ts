import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { encodeRequest } from '../../src/protocol/request-writer.ts';
import { missingTool } from '../tools.ts';
import { Cluster, electsFirst, until } from './cluster.ts';

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
    const args = ['-t', 'set,get,incr', '-c', '64', '-n', '10000', '-d', '256', '-r', '10000'];
    const port = String(cluster.member(leader).port);
    const { stdout, stderr } = await run('redis-benchmark', ['-p', port, '-q', ...args]);
    assert.equal(stderr, '');
    assert.deepEqual(stdout.match(/^(SET|GET|INCR): [\d.]+ requests per second/gm)?.length, 3);
    const now = (await cluster.status(leader, 2000))!;
    assert.deepEqual([now.role, now.term], ['leader', before.term]);
    assert.ok(now.commitIndex >= before.commitIndex + 30_000);
    await cluster.caughtUp();
  });
});

/** A program of Redis at work, with a pipe at each end. */
class Piped {
  readonly out: string[] = [];
  readonly ended: Promise<number | null>;
  /** Null while it runs. */
  code: number | null = null;
  private readonly child;

  constructor(program: string, port: number, ...args: string[]) {
    this.child = spawn(program, ['-h', '127.0.0.1', '-p', String(port), ...args]);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => this.out.push(text));
    }
    this.ended = new Promise((resolve) => {
      this.child.on('close', (code) => {
        this.code = code;
        resolve(code);
      });
    });
  }

  get text(): string {
    return this.out.join('');
  }

  get lines(): readonly string[] {
    return this.text.split('\n').slice(0, -1);
  }

  type(bytes: string | Uint8Array): void {
    this.child.stdin.write(bytes);
  }

  async end(): Promise<number | null> {
    this.child.stdin.end();
    return await this.ended;
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

describe('the tools of Redis, through a leader, a follower that redirects and one that forwards', {
  skip,
  timeout: 60_000,
}, () => {
  let cluster: Cluster;
  const portOf = (name: string) => cluster.member(name).port;
  before(async () => {
    const first = electsFirst('n1');
    cluster = await Cluster.start({
      flags: (name) => [...first(name), ...(name === 'n3' ? ['--follower=proxy'] : [])],
    });
    assert.equal(await cluster.leader(), 'n1');
  });
  after(() => cluster.close());

  it('redis-cli -3 shows maps as maps', async () => {
    const cli = new Piped('redis-cli', portOf('n1'), '-3', '--no-raw');
    cli.type('HELLO\nGET nothing\n');
    await cli.end();
    assert.match(cli.text, /^1# "server" => "dkvs"\n/);
    assert.match(cli.text, /\n\d# "proto" => \(integer\) 3\n/);
    assert.equal(cli.lines.at(-1), '(nil)');
  });

  it('redis-cli --pipe sends a thousand commands at once, and counts the answers', async () => {
    for (const name of ['n1', 'n3']) {
      const cli = new Piped('redis-cli', portOf(name), '--pipe');
      for (let i = 0; i < 1000; i++) cli.type(encodeRequest(['SET', `${name}-${i}`, `${i}`]));
      assert.equal(await cli.end(), 0, cli.text);
      assert.match(cli.text, /errors: 0, replies: 1000/);
      assert.equal((await cluster.ask('n1', 'GET', `${name}-999`)).text, '"999"');
    }
  });

  it('redis-cli --scan lists the keys, and --bigkeys finds the biggest', async () => {
    for (const key of ['scan-1', 'scan-2', 'scan-3']) await cluster.ask('n1', 'SET', key, 'x');
    for (const name of ['n1', 'n3']) {
      const cli = new Piped('redis-cli', portOf(name), '--scan', '--pattern', 'scan-*');
      assert.equal(await cli.end(), 0, cli.text);
      assert.deepEqual([...cli.lines].sort(), ['scan-1', 'scan-2', 'scan-3']);
    }
    // A redis-cli that scans follows nobody, with -c neither; but it says who leads.
    const redirected = new Piped('redis-cli', portOf('n2'), '-c', '--scan');
    assert.equal(await redirected.end(), 1);
    assert.match(redirected.text, new RegExp(`MOVED 0 ${cluster.address('n1')}`));
    await cluster.ask('n1', 'SET', 'scan-big', 'x'.repeat(5000));
    const cli = new Piped('redis-cli', portOf('n3'), '--bigkeys');
    assert.equal(await cli.end(), 0, cli.text);
    assert.match(cli.text, /Biggest string found so far .*scan-big.* with 5000 bytes/);
  });

  it('redis-cli --stat reads a line of figures out of INFO', async () => {
    const cli = new Piped('redis-cli', portOf('n3'), '--stat', '-i', '0.05');
    await until(
      () => cli.lines.length >= 4 || null,
      () => cli.text,
    );
    await cli.kill();
    // keys, memory, clients, blocked, requests, connections
    assert.match(cli.lines[3]!, /^\d+ +[\d.]+[KMG]? +\d+ +\d+ +\d+ \(\+\d+\) +\d+ *$/);
  });

  it('a kill -9 of the leader: a session typed into redis-cli goes on, at a follower that forwards', async () => {
    const cli = new Piped('redis-cli', portOf('n3'));
    const typed = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const before = cli.lines.length;
        cli.type('INCR typed\n');
        await until(
          () => cli.lines.length > before || null,
          () => `an answer: ${cli.text}`,
        );
      }
    };
    const read = new Piped('redis-benchmark', portOf('n3'), '-t', 'get', '-n', '30000', '-q');
    await typed(10);
    await cluster.kill('n1');
    assert.equal(read.code, null, 'the reader is still at it');
    await typed(30);
    assert.equal(await cli.end(), 0);
    // One was under way at the most, and is counted or not.
    const unknown = cli.lines.filter((line) => /^UNKNOWN /.test(line));
    const counts = cli.lines.filter((line) => /^\d+$/.test(line)).map(Number);
    assert.ok(unknown.length <= 1 && counts.length === 40 - unknown.length, cli.text);
    assert.ok(counts.at(-1)! >= counts.length && counts.at(-1)! <= 40, cli.text);
    assert.equal(await read.ended, 0, 'reads are asked again: redis-benchmark hears of nothing');
    assert.match(read.text, /GET: [\d.]+ requests per second/);
    // And -c finds the new leader from the follower that redirects.
    const { stdout } = await run('redis-cli', ['-p', String(portOf('n2')), '-c', 'GET', 'typed']);
    assert.equal(Number(stdout), counts.at(-1));
  });
});
