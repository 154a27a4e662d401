import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { bytesOf } from '../../src/base/bytes.ts';
import { connectionCommands } from '../../src/protocol/commands/connection.ts';
import { encodeRequest } from '../../src/protocol/request-writer.ts';
import { type SimClient, World } from '../replica/world.ts';
import { missingTool } from '../tools.ts';
import { type RedisConnection, RedisServer } from './reference-server.ts';

const skip = missingTool('redis-server');

/** Both sides answer the same bytes to each, in RESP2 and in RESP3. */
const lines = String.raw`
PING
PING hello
PING a b
ping ""
ECHO hello
ECHO
ECHO a b
HELLO x
HELLO 1
HELLO 4
HELLO 2x
HELLO 99999999999999999999
HELLO -2
HELLO 3 AUTH
HELLO 3 AUTH default
HELLO 3 AUTH nobody x
HELLO 3 SETNAME
HELLO 3 SETNAME a\x20b
HELLO 3 FOO
HELLO 3 AUTH default x FOO
HELLO AUTH default x
AUTH
AUTH x
AUTH default x
AUTH nobody x
AUTH a b c
SELECT
SELECT 0
SELECT 00
SELECT 1
SELECT 99
SELECT -1
SELECT x
SELECT 0 0
READONLY
READONLY x
READWRITE
ASKING
CLIENT
CLIENT FOO
CLIENT \r\n
CLIENT GETNAME
CLIENT GETNAME x
CLIENT SETNAME app
CLIENT GETNAME
CLIENT SETNAME a\x20b
CLIENT SETNAME caf\xe9
CLIENT SETNAME a\x7f
CLIENT GETNAME
CLIENT SETNAME ~!
CLIENT GETNAME
CLIENT SETNAME
CLIENT ID x
CLIENT LIST TYPE
CLIENT LIST TYPE x
CLIENT LIST TYPE replica
CLIENT LIST TYPE MASTER
CLIENT LIST ID
CLIENT LIST ID x
CLIENT LIST ID 1 x
CLIENT LIST ID 999999
CLIENT LIST FOO
CLIENT LIST FOO bar
CLIENT KILL
CLIENT KILL 1.2.3.4:5
CLIENT KILL ID 0
CLIENT KILL ID x
CLIENT KILL ID -1
CLIENT KILL ID 999999
CLIENT KILL TYPE foo
CLIENT KILL TYPE pubsub
CLIENT KILL TYPE slave ADDR 1.2.3.4:5
CLIENT KILL USER nobody
CLIENT KILL SKIPME x
CLIENT KILL SKIPME maybe ID 1
CLIENT KILL ID 999999 SKIPME no
CLIENT KILL LADDR 1.2.3.4:5
CLIENT KILL FOO bar
CLIENT KILL ID 999999 ADDR
CLIENT NO-EVICT
CLIENT NO-EVICT on
CLIENT NO-EVICT OFF
CLIENT NO-EVICT maybe
RESET
RESET x
COMMAND FOO
COMMAND COUNT x
COMMAND INFO get nosuch
COMMAND INFO nosuch|x
COMMAND DOCS nosuch
COMMAND GETKEYS get a
COMMAND GETKEYS SET a b
COMMAND GETKEYS del a b c
COMMAND GETKEYS exists a b
COMMAND GETKEYS get a b
COMMAND GETKEYS incrby a
COMMAND GETKEYS nosuch a
COMMAND GETKEYS client kill x
COMMAND LIST FILTERBY
COMMAND LIST FILTERBY PATTERN
COMMAND LIST FILTERBY PATTERN incr
COMMAND LIST FILTERBY PATTERN nosuch*
COMMAND LIST FILTERBY MODULE nosuch
COMMAND LIST FILTERBY ACLCAT nosuch
COMMAND LIST FILTERBY FOO bar
COMMAND LIST FOO
CONFIG
CONFIG FOO
CONFIG GET
CONFIG GET save
CONFIG GET SAVE sav[e] nosuch
CONFIG GET nosuch
CONFIG GET maxclients
CONFIG GET cluster-enabled
CONFIG GET maxmemory-polic?
INFO nosuch
INFO cluster
INFO nosuch CLUSTER cluster
INFO keyspace
CLUSTER
CLUSTER FOO
CLUSTER KEYSLOT foo
CLUSTER KEYSLOT {foo}bar
CLUSTER KEYSLOT
CLUSTER COUNTKEYSINSLOT 0
CLUSTER COUNTKEYSINSLOT 16383
CLUSTER COUNTKEYSINSLOT 16384
CLUSTER COUNTKEYSINSLOT -1
CLUSTER COUNTKEYSINSLOT x
CLUSTER MYID x
TIME x
ROLE x
LOLWUT VERSION x
WAIT
WAIT 0
WAIT x 0
WAIT 0 x
WAIT 0 -1
WAIT x x
WAIT -1 0
NOSUCH
NOSUCH a "b c" d
no\r\nsuch
`;

/** Splits at spaces; `\r`, `\n` and `\xHH` are those bytes, and "" is an empty word. */
const wordsOf = (line: string): Uint8Array[] =>
  line.split(' ').map((word) => {
    const plain = word === '""' ? '' : word;
    const escapes = /\\(?:r|n|x[0-9a-f]{2})/g;
    const byte = (text: string) => {
      if (text === '\\r') return '\r';
      return text === '\\n' ? '\n' : String.fromCharCode(Number.parseInt(text.slice(2), 16));
    };
    return bytesOf(plain.replace(escapes, byte));
  });

describe('a real redis-server and DKVS answer the same bytes', { skip, timeout: 60_000 }, () => {
  let server: RedisServer;
  let redis: RedisConnection;
  let world: World;
  let dkvs: SimClient;
  before(async () => {
    server = await RedisServer.start();
    world = new World(1, 1);
    world.startAll();
    world.elect();
  });
  after(() => server.close());

  async function connect(protocol: number): Promise<void> {
    redis = await server.connect();
    dkvs = world.client(world.leader!);
    await both(['HELLO', String(protocol)].map(bytesOf));
  }

  async function both(args: readonly Uint8Array[]): Promise<{ theirs: string; ours: string }> {
    const theirs = await redis.ask(encodeRequest(args));
    dkvs.heard = '';
    dkvs.ask(...args);
    return { theirs, ours: dkvs.heard };
  }

  for (const protocol of [2, 3]) {
    it(`to what is known to be asked, in RESP${protocol}`, async () => {
      await connect(protocol);
      for (const line of lines.trim().split('\n')) {
        const { theirs, ours } = await both(wordsOf(line));
        // WAIT counts replicas, and neither has any; a wait that is over says so in both.
        assert.equal(ours, theirs, line);
        if (line === 'RESET') await both(['HELLO', String(protocol)].map(bytesOf));
      }
      redis.close();
    });
  }

  it('to generated arguments, whenever either refuses them', async () => {
    await connect(2);
    const known: string[] = [];
    for (const { name } of connectionCommands) {
      const { theirs } = await both(['COMMAND', 'INFO', name].map(bytesOf));
      // QUIT ends the connection; 8.4 takes one argument less for GETKEYS than 7.0 does.
      const apart = ['quit', 'command|getkeys', 'client|kill'];
      if (theirs !== '*1\r\n$-1\r\n' && !apart.includes(name)) known.push(name);
    }
    assert.ok(known.length > 30, known.join(' '));
    const word = fc.constantFrom(
      'x',
      '0',
      '1',
      '-1',
      '3',
      'id',
      'type',
      'on',
      'auth',
      'default',
      '',
    );
    const request = fc.tuple(fc.constantFrom(...known), fc.array(word, { maxLength: 5 }));
    let refused = 0;
    for (const [name, args] of fc.sample(request, { seed: 1, numRuns: 3000 })) {
      if (name === 'hello' && args[0] === '3') continue; // the replies would change their form
      const words = [...name.split('|'), ...args];
      const { theirs, ours } = await both(words.map(bytesOf));
      if (!theirs.startsWith('-') && !ours.startsWith('-')) continue;
      refused++;
      assert.equal(ours, theirs, words.join(' '));
    }
    assert.ok(refused > 1000, `${refused} refusals`);
    redis.close();
  });
});
