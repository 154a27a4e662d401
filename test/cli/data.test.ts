import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { dataCommands } from '../../src/cli/commands/data.ts';
import { main } from '../../src/cli/main.ts';
import { commands } from '../../src/protocol/commands.ts';
import { FakeIo, until } from './fake-io.ts';
import { bulk, FakeServer, keyspace } from './fake-server.ts';

const BIN = fileURLToPath(new URL('../../../bin/dkvs.mjs', import.meta.url));

describe('a command of data', () => {
  let server: FakeServer;
  before(async () => {
    server = await FakeServer.listen(keyspace());
  });
  after(() => server.close());

  const dkvs = (...argv: string[]) => run(new FakeIo(), server, ...argv);
  const inTerminal = (...argv: string[]) => run(new FakeIo().terminal(), server, ...argv);

  it('into a pipe gives the value and a newline, and nothing for a key that is not there', async () => {
    assert.deepEqual(await dkvs('set', 'a', 'hello'), { code: 0, out: 'OK\n', err: '' });
    assert.deepEqual(await dkvs('get', 'a'), { code: 0, out: 'hello\n', err: '' });
    assert.deepEqual(await dkvs('get', 'none'), { code: 3, out: '', err: '' });
    assert.deepEqual(await dkvs('incrby', 'n', '-5'), { code: 0, out: '-5\n', err: '' });
  });

  it('on a terminal reads like redis-cli', async () => {
    await dkvs('set', 'b', 'say "hi"\n\x1b[31m\u202e');
    assert.equal((await inTerminal('set', 'c', 'x')).out, 'OK\n');
    assert.equal((await inTerminal('get', 'b')).out, '"say \\"hi\\"\\n\\x1b[31m\\xe2\\x80\\xae"\n');
    assert.deepEqual(await inTerminal('get', 'none'), { code: 3, out: '(nil)\n', err: '' });
    assert.equal((await inTerminal('incrby', 'm', '3')).out, '(integer) 3\n');
  });

  it('with --json gives one JSON value, exact to the last digit', async () => {
    await dkvs('set', 'd', 'grün');
    assert.equal((await dkvs('get', 'd', '--json')).out, '"grün"\n');
    assert.equal((await dkvs('get', 'none', '--json')).out, 'null\n');
    const big = '9223372036854775807';
    assert.equal((await dkvs('incrby', 'big', big, '--json')).out, `${big}\n`);
  });

  it('is binary-safe, in and out', async () => {
    const io = new FakeIo();
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    io.stdin = bytes;
    await run(io, server, 'set', 'bin', '--stdin');
    const out = new FakeIo();
    await run(out, server, 'get', 'bin');
    assert.deepEqual(out.stdout.bytes, Buffer.concat([bytes, Buffer.from('\n')]));
    const { out: json } = await dkvs('get', 'bin', '--json');
    assert.deepEqual(Buffer.from(JSON.parse(json).base64, 'base64'), Buffer.from(bytes));
  });

  it('exits with 3 when there is no such key, and 4 when the condition did not hold', async () => {
    await dkvs('set', 'e', '1');
    assert.equal((await dkvs('exists', 'e')).code, 0);
    assert.equal((await dkvs('exists', 'none')).code, 3);
    assert.equal((await dkvs('del', 'none')).code, 0);
    assert.equal((await dkvs('set', 'e', '2', 'NX')).code, 4);
    assert.equal((await dkvs('set', 'new', '2', 'NX')).code, 0);
  });

  it('is told apart from flags by --', async () => {
    assert.equal((await dkvs('set', '--', '--json', '--help')).code, 0);
    assert.equal((await dkvs('get', '--', '--json')).out, '--help\n');
  });

  it('runs as a process, and ends quietly when nobody reads on', async () => {
    const [out, code] = await new Promise<[string, unknown]>((resolve) => {
      const args = [BIN, 'get', 'a', '--connect', server.address];
      execFile(process.execPath, args, (error, text) => resolve([text, error?.code ?? 0]));
    });
    assert.deepEqual([out, code], ['hello\n', 0]);
    const child = spawn(process.execPath, [BIN, 'status', '--watch', '--connect', server.address]);
    let err = '';
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.stdout.destroy();
    const exit = await new Promise((resolve) => child.on('close', resolve));
    assert.deepEqual([exit, err], [0, '']);
  });
});

describe('the exit code of a SET with GET', () => {
  const cases: [string[], string, number][] = [
    [['GET'], '$-1\r\n', 0],
    [['GET'], bulk('old'), 0],
    [['NX', 'GET'], '$-1\r\n', 0],
    [['nx', 'get'], bulk('old'), 4],
    [['XX', 'GET'], '$-1\r\n', 4],
    [['XX', 'GET'], bulk('old'), 0],
    [['IFEQ', 'old', 'GET'], bulk('old'), 0],
    [['IFEQ', 'GET', 'GET'], bulk('old'), 4],
    [['IFEQ', 'old', 'GET'], '$-1\r\n', 4],
    [['IFNE', 'old', 'GET'], bulk('old'), 4],
    [['IFNE', 'old', 'GET'], bulk('new'), 0],
    [['IFNE', 'old', 'GET'], '$-1\r\n', 0],
    [['IFEQ', 'old'], '$-1\r\n', 4],
    [['IFDEQ', '78AF5f94892f3950', 'GET'], bulk('abc'), 0],
    [['IFDEQ', '78af5f94892f3950', 'GET'], bulk('abd'), 4],
    [['IFDNE', '78af5f94892f3950', 'GET'], bulk('abc'), 4],
    [['IFDNE', '78af5f94892f3950', 'GET'], '$-1\r\n', 0],
    [['IFEQ', 'old'], '+OK\r\n', 0],
    [['IFEQ', 'GET'], '$-1\r\n', 4],
  ];
  for (const [words, reply, expected] of cases) {
    it(`is ${expected} for ${words.join(' ')} answered by ${JSON.stringify(reply)}`, async () => {
      const server = await FakeServer.listen(() => reply);
      const { code } = await run(new FakeIo(), server, 'set', 'k', 'v', ...words);
      await server.close();
      assert.equal(code, expected);
    });
  }
});

describe('every command of the table', () => {
  const names = commands.filter(({ where }) => where === 'replicated').map(({ name }) => name);

  it('is a command of dkvs, with its syntax and an example that its own parser takes', async () => {
    assert.ok(names.length > 30);
    for (const name of names) {
      const command = dataCommands.find((candidate) => candidate.name === name);
      assert.ok(command !== undefined && command.examples.length > 0, name);
      const io = new FakeIo();
      assert.equal(await main(['help', name], io), 0);
      assert.match(io.stdout.text, new RegExp(`usage: dkvs ${name}`));
      for (const line of command.examples) {
        const server = await FakeServer.listen(() => '+OK\r\n');
        const argv = line
          .replace(/ (&&|<) .*/, '')
          .replaceAll("'", '')
          .split(' ')
          .slice(1);
        const { code, err } = await run(new FakeIo(), server, ...argv);
        await server.close();
        assert.equal(code, 0, `${line}: ${err}`);
        const sent = server.received.find(([word]) => word === name.toUpperCase());
        assert.equal(sent?.length, argv.filter((word) => word !== '--json').length, line);
      }
    }
  });

  const zero = ':0\r\n';
  const cases: [line: string, reply: string, code: number][] = [
    ['getdel k', '$-1\r\n', 3],
    ['getset k v', '$-1\r\n', 0],
    ['digest k', '$-1\r\n', 3],
    ['randomkey', '$-1\r\n', 3],
    ['touch k', zero, 3],
    ['ttl k', ':-2\r\n', 3],
    ['ttl k', ':-1\r\n', 0],
    ['type k', '+none\r\n', 3],
    ['type k', '+string\r\n', 0],
    ['strlen k', zero, 0],
    ['del k', zero, 0],
    ['setnx k v', zero, 4],
    ['setnx k v', ':1\r\n', 0],
    ['msetnx k v', zero, 4],
    ['delex k IFEQ v', zero, 4],
    ['delifeq k v', zero, 4],
    ['renamenx k l', zero, 4],
    ['copy k l', zero, 4],
    ['rename k l', '-ERR no such key\r\n', 3],
    ['flushall', '-NOPERM not allowed\r\n', 7],
    ['expire k 5', '', 2],
    ['setrange k 0', '', 2],
  ];
  for (const [line, reply, expected] of cases) {
    it(`exits with ${expected} for ${line} answered by ${JSON.stringify(reply)}`, async () => {
      const server = await FakeServer.listen(() => reply);
      const { code } = await run(new FakeIo(), server, ...line.split(' '));
      await server.close();
      assert.equal(code, expected);
    });
  }
});

describe('what a node says of itself', () => {
  const page = bulk('# Raft\r\nraft_name:n1\r\nraft_role:\x1b[31mleader\r\n');
  const asked: [string[], string, string][] = [
    [['info', 'raft'], page, '# Raft\nraft_name:n1\nraft_role:\\x1b[31mleader\n'],
    [['echo', 'x'], bulk('a\nb'), '"a\\nb"\n'],
    [['config', 'get', 'x'], `*2\r\n${bulk('x')}${bulk('1')}`, '1) "x"\n2) "1"\n'],
    [['role'], `*1\r\n${bulk('master')}`, '1) "master"\n'],
  ];
  for (const [words, reply, shown] of asked) {
    it(`is shown for ${words.join(' ')}: a page as a page, the rest as any reply`, async () => {
      const server = await FakeServer.listen(() => reply);
      const io = new FakeIo().terminal();
      io.env['NO_COLOR'] = '1';
      assert.deepEqual(await run(io, server, ...words), { code: 0, out: shown, err: '' });
      await server.close();
      assert.deepEqual(server.received.at(-1), [words[0]!.toUpperCase(), ...words.slice(1)]);
    });
  }

  it('is not what sets up a connection, nor `dkvs cluster`', async () => {
    const server = await FakeServer.listen(() => '+OK\r\n');
    const setname = await run(new FakeIo(), server, 'client', 'setname', 'x');
    assert.deepEqual([setname.code, server.received.length], [2, 0]);
    const cluster = await run(new FakeIo(), server, 'cluster', 'info');
    assert.equal(cluster.code, 2);
    assert.match(cluster.err, /to ask a node: echo 'CLUSTER INFO' \| dkvs/);
    await server.close();
  });
});

describe('a failure', () => {
  const cases: [string, string, number, RegExp][] = [
    ['an error reply', "-ERR value isn't an integer\r\n", 1, /dkvs: ERR value isn't an integer/],
    ['a mistyped command', '-ERR syntax error\r\n', 2, /ERR syntax error/],
    ['a lost majority', '-CLUSTERDOWN no leader\r\n', 5, /nothing applied: CLUSTERDOWN no leader/],
    ['an open end', '-UNKNOWN not in 2 s\r\n', 6, /outcome unknown: UNKNOWN.*\n.*read before/],
    ['a missing right', '-NOPERM no\r\n', 7, /NOPERM/],
  ];
  for (const [what, reply, expected, message] of cases) {
    it(`of ${what} is exit code ${expected}`, async () => {
      const server = await FakeServer.listen(() => reply);
      const { code, out, err } = await run(
        new FakeIo(),
        server,
        ...['incr', 'k', '--timeout', '200ms'],
      );
      await server.close();
      assert.equal(code, expected);
      assert.equal(out, '');
      assert.match(err, message);
    });
  }

  it('to reach anybody is exit code 5', async () => {
    const server = await FakeServer.listen(() => null);
    await server.close();
    const { code, err } = await run(new FakeIo(), server, 'set', 'k', 'v', '--timeout', '100');
    assert.equal(code, 5);
    assert.match(err, /nothing applied: 127\.0\.0\.1:\d+: the connection was refused/);
  });

  it('of a write that is not answered is exit code 6', async () => {
    const server = await FakeServer.listen(() => null);
    const { code } = await run(new FakeIo(), server, 'set', 'k', 'v', '--timeout', '100');
    await server.close();
    assert.equal(code, 6);
    assert.equal(server.received.filter(([name]) => name === 'SET').length, 1);
  });
});

describe('a redirect', () => {
  it('is followed', async () => {
    const leader = await FakeServer.listen(keyspace());
    const follower = await FakeServer.listen(() => `-REDIRECT ${leader.address}\r\n`);
    const set = await run(new FakeIo(), follower, 'set', 'k', 'v');
    await until(
      () => leader.connections + follower.connections === 0,
      () => 'closed sockets',
    );
    await Promise.all([leader.close(), follower.close()]);
    assert.deepEqual(set, { code: 0, out: 'OK\n', err: '' });
    assert.deepEqual(
      follower.received.map(([name]) => name),
      ['CLIENT', 'SET'],
    );
  });
});

async function run(io: FakeIo, server: FakeServer, ...argv: string[]) {
  io.env['DKVS_CONNECT'] = server.address;
  const code = await main(argv, io);
  return { code, out: io.stdout.text, err: io.stderr.text };
}
