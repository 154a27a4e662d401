import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bytesOf } from '../../src/base/bytes.ts';
import { VERSION } from '../../src/base/version.ts';
import { encodeRequest } from '../../src/protocol/request-writer.ts';
import { type SimClient, World } from './world.ts';

const started = (seed: number): World => {
  const world = new World(seed, 3);
  world.startAll();
  return world;
};

/** Sends all of it in one piece; what comes back, byte for byte. */
function exchange(world: World, client: SimClient, replies: number, sent: string): string {
  const before = client.replies.length;
  client.heard = '';
  client.raw(bytesOf(sent));
  assert.ok(world.until(() => client.replies.length === before + replies || client.closed));
  return client.heard;
}

const requests = (...lines: readonly string[]): string =>
  lines.map((line) => String.fromCharCode(...encodeRequest(line.split(' ')))).join('');

describe('HELLO', () => {
  test('switches the protocol at its place among the replies, though others are pending', () => {
    const world = started(1);
    const client = world.client(world.elect());
    const sent = requests('SET k v', 'GET no', 'HELLO 3', 'GET no', 'HELLO 2', 'GET no', 'PING');
    const heard = exchange(world, client, 7, sent);
    assert.match(
      heard,
      /^\+OK\r\n\$-1\r\n%7\r\n[\s\S]*\$5\r\nproto\r\n:3\r\n[^%]*_\r\n\*14\r\n[\s\S]*\$-1\r\n\+PONG\r\n$/,
    );
  });

  test('describes the server, and refuses what it does not speak', () => {
    const world = started(2);
    const client = world.client(world.elect());
    const hello = client.ask('HELLO', '3', 'AUTH', 'default', 'any', 'SETNAME', 'app');
    const rest = ' $proto=:3 $id=:1 $mode=$cluster $role=$master $modules=[]}';
    assert.equal(hello, `{$server=$dkvs $version=$${VERSION}${rest}`);
    assert.equal(client.ask('CLIENT', 'GETNAME'), '$app');
    const refusals: readonly (readonly [string, string])[] = [
      ['HELLO 4', '-NOPROTO unsupported protocol version'],
      ['HELLO 1', '-NOPROTO unsupported protocol version'],
      ['HELLO x', '-ERR Protocol version is not an integer or out of range'],
      ['HELLO 2 AUTH default', "-ERR Syntax error in HELLO option 'AUTH'"],
      ['HELLO 2 SETNAME', "-ERR Syntax error in HELLO option 'SETNAME'"],
      ['HELLO 2 AUTH me any', '-WRONGPASS invalid username-password pair or user is disabled.'],
    ];
    for (const [line, refusal] of refusals) assert.equal(client.ask(...line.split(' ')), refusal);
    assert.match(client.ask('CLIENT', 'INFO'), / name=app .* resp=3 /, 'a refusal changes nothing');
  });

  test('RESP3 is a matter of one connection', () => {
    const world = started(3);
    const leader = world.elect();
    const [three, two] = [world.client(leader), world.client(leader)];
    three.ask('HELLO', '3');
    assert.equal(
      exchange(world, three, 1, requests('CONFIG GET save')),
      '%1\r\n$4\r\nsave\r\n$0\r\n\r\n',
    );
    assert.equal(
      exchange(world, two, 1, requests('CONFIG GET save')),
      '*2\r\n$4\r\nsave\r\n$0\r\n\r\n',
    );
  });
});

test('RESET makes a connection as it was, behind everything before it', () => {
  const world = started(4);
  const leader = world.elect();
  const client = world.client(leader);
  client.ask('HELLO', '3', 'SETNAME', 'app');
  client.ask('CLIENT', 'NO-EVICT', 'on');
  client.ask('READONLY');
  assert.match(client.ask('CLIENT', 'INFO'), / flags=re /);
  const heard = exchange(world, client, 4, requests('INCR n', 'GET no', 'RESET', 'GET no'));
  assert.equal(heard, ':1\r\n_\r\n+RESET\r\n$-1\r\n');
  assert.match(client.ask('CLIENT', 'INFO'), / name= .* flags=N .* resp=2 /);

  const follower = world.client(world.followers[0]!);
  follower.ask('CLIENT', 'CAPA', 'nonsense', 'redirect');
  assert.match(follower.ask('GET', 'k'), /^-REDIRECT /);
  follower.ask('RESET');
  assert.match(follower.ask('GET', 'k'), /^-MOVED /);
});

describe('names', () => {
  test('are visible characters, and not many', () => {
    const world = started(5);
    const client = world.client(world.elect());
    const notVisible = '-ERR Client names cannot contain spaces, newlines or special characters.';
    for (const name of ['a b', 'a\n', 'caf\xe9', '\0']) {
      assert.equal(client.ask('CLIENT', 'SETNAME', bytesOf(name)), notVisible);
    }
    const tooLong = '-ERR name of 257 bytes is longer than the limit of 256 bytes';
    assert.equal(client.ask('CLIENT', 'SETNAME', 'x'.repeat(257)), tooLong);
    assert.equal(client.ask('HELLO', '2', 'SETNAME', 'x'.repeat(257)), tooLong);
    assert.equal(client.ask('CLIENT', 'SETINFO', 'LIB-VER', 'x'.repeat(257)), tooLong);
    assert.equal(client.ask('CLIENT', 'GETNAME'), '(nil)');
    assert.equal(client.ask('CLIENT', 'SETNAME', 'x'.repeat(256)), '+OK');
    assert.equal(client.ask('CLIENT', 'SETNAME', ''), '+OK');
    assert.equal(client.ask('CLIENT', 'GETNAME'), '(nil)');
    const badLibrary = '-ERR lib-name cannot contain spaces, newlines or special characters.';
    assert.equal(client.ask('CLIENT', 'SETINFO', 'lib-name', 'a b'), badLibrary);
    assert.equal(client.ask('CLIENT', 'SETINFO', 'lib-x', 'a'), "-ERR Unrecognized option 'lib-x'");
  });
});

test('what Redis has and DKVS lacks is said in so many words', () => {
  const world = started(6);
  const client = world.client(world.elect());
  for (const line of [
    'CLIENT REPLY',
    'CLIENT unpause',
    'CLUSTER LINKS',
    'CONFIG SET',
    'CONFIG RESETSTAT',
  ]) {
    const expected = `-ERR ${line.toUpperCase()} is not supported by DKVS`;
    assert.equal(client.ask(...line.split(' '), 'x'), expected);
  }
  assert.equal(client.ask('CLUSTER', 'FOO'), "-ERR unknown subcommand 'FOO'. Try CLUSTER HELP.");
  assert.match(client.ask('OBJECT', 'HELP'), /^-ERR unknown command 'OBJECT'/);
  assert.equal(client.ask('SELECT', '0'), '+OK');
  assert.equal(client.ask('SELECT', '1'), '-ERR SELECT is not allowed in cluster mode');
});

/** As their libraries sent them, recorded from the wire. */
const handshakes: Record<string, { sent: string; replies: number; heard: RegExp }> = {
  'ioredis 6': {
    sent:
      '*2\r\n$5\r\nhello\r\n$1\r\n3\r\n*3\r\n$6\r\nclient\r\n$7\r\nsetname\r\n$3\r\napp\r\n' +
      '*4\r\n$6\r\nclient\r\n$7\r\nSETINFO\r\n$7\r\nLIB-VER\r\n$5\r\n6.0.0\r\n' +
      '*4\r\n$6\r\nclient\r\n$7\r\nSETINFO\r\n$8\r\nLIB-NAME\r\n$7\r\nioredis\r\n' +
      '*1\r\n$4\r\ninfo\r\n*3\r\n$3\r\nset\r\n$1\r\na\r\n$1\r\n1\r\n*2\r\n$3\r\nget\r\n$1\r\na\r\n',
    replies: 7,
    heard: /^%7\r\n[^=]*(\+OK\r\n){3}=\d+\r\ntxt:# Server[\s\S]*\+OK\r\n\$1\r\n1\r\n$/,
  },
  'node-redis 6': {
    sent:
      '*4\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$7\r\nSETNAME\r\n$3\r\napp\r\n' +
      '*4\r\n$6\r\nCLIENT\r\n$7\r\nSETINFO\r\n$7\r\nLIB-VER\r\n$5\r\n6.3.1\r\n' +
      '*4\r\n$6\r\nCLIENT\r\n$7\r\nSETINFO\r\n$8\r\nLIB-NAME\r\n$10\r\nnode-redis\r\n' +
      '*5\r\n$6\r\nCLIENT\r\n$19\r\nMAINT_NOTIFICATIONS\r\n$2\r\nON\r\n' +
      '$20\r\nmoving-endpoint-type\r\n$11\r\nexternal-ip\r\n' +
      '*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n*2\r\n$3\r\nGET\r\n$1\r\nb\r\n',
    replies: 6,
    heard:
      /^%7\r\n[\s\S]*\+OK\r\n\+OK\r\n-ERR unknown subcommand 'MAINT_NOTIFICATIONS'\. Try CLIENT HELP\.\r\n\+OK\r\n_\r\n$/,
  },
  'redis-cli 7, at a prompt': {
    sent: '*2\r\n$7\r\nCOMMAND\r\n$4\r\nDOCS\r\n*1\r\n$4\r\nping\r\n',
    replies: 2,
    heard: /^\*\d+\r\n\$3\r\nset\r\n[\s\S]*\+PONG\r\n$/,
  },
  'redis-cli -3': {
    sent: '*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n*1\r\n$4\r\nping\r\n',
    replies: 2,
    heard: /^%7\r\n[\s\S]*\+PONG\r\n$/,
  },
  'redis-benchmark 7': {
    sent:
      '*3\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$4\r\nsave\r\n' +
      '*3\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$10\r\nappendonly\r\nPING\r\nPING\r\n',
    replies: 4,
    heard:
      /^\*2\r\n\$4\r\nsave\r\n\$0\r\n\r\n\*2\r\n\$10\r\nappendonly\r\n\$3\r\nyes\r\n(\+PONG\r\n){2}$/,
  },
};

describe('the first words of', () => {
  for (const [name, { sent, replies, heard }] of Object.entries(handshakes)) {
    test(`${name} are answered`, () => {
      const world = started(7);
      assert.match(exchange(world, world.client(world.elect()), replies, sent), heard);
    });
  }
});
