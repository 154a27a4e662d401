import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bytesOf } from '../../src/base/bytes.ts';
import { REDIS_VERSION } from '../../src/base/version.ts';
import { keySlot } from '../../src/protocol/slots.ts';
import { smallLimits, World } from './world.ts';

const started = (seed: number): World => {
  const world = new World(seed, 3);
  world.startAll();
  world.elect();
  return world;
};

/** What INFO says, by field; sections are "# Name". */
function fieldsOf(reply: string): Map<string, string> {
  const lines = reply
    .slice(1)
    .split('\r\n')
    .filter((line) => line !== '');
  return new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return colon < 0 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1)];
    }),
  );
}

describe('INFO', () => {
  test('of the leader: every figure is the one that the node goes by', () => {
    const world = started(1);
    const leader = world.leader!;
    const client = world.client(leader);
    client.ask('SET', 'a', '1');
    client.ask('SET', 'b', '1');
    world.run(200);
    const info = fieldsOf(client.ask('INFO'));
    const { view } = leader.replica!;
    const expected: Record<string, unknown> = {
      redis_version: REDIS_VERSION,
      redis_mode: 'cluster',
      tcp_port: 7001,
      connected_clients: 1,
      maxclients: smallLimits.clientsMax,
      loading: 0,
      aof_enabled: 1,
      aof_last_write_status: 'ok',
      fsyncs: view.storageStats.syncs,
      total_commands_processed: 3,
      total_connections_received: 1,
      role: 'master',
      connected_slaves: 2,
      master_repl_offset: view.lastIndex,
      cluster_enabled: 1,
      raft_name: leader.member.name,
      raft_role: 'leader',
      raft_term: view.term,
      raft_leader: leader.member.name,
      raft_commit_index: view.commitIndex,
      raft_last_applied: view.lastIndex,
      raft_elections_won: 1,
      raft_leaders_seen: 1,
      db0: 'keys=2,expires=0,avg_ttl=0',
    };
    for (const [name, value] of Object.entries(expected)) {
      assert.equal(info.get(name), String(value), name);
    }
    const [other] = world.followers;
    const { name } = other!.member;
    assert.match(
      info.get('raft_peer0')!,
      new RegExp(
        `^name=${name},address=${name}:7001,state=replicate,match_index=${view.lastIndex},lag=0,last_heard_ms=\\d+$`,
      ),
    );
    assert.equal(
      info.get('slave0'),
      `ip=${name},port=7001,state=online,offset=${view.lastIndex},lag=0`,
    );
    // There is no process to speak of in the simulated world.
    for (const absent of ['process_id', 'used_memory', 'used_cpu_user']) {
      assert.equal(info.has(absent), false, absent);
    }
  });

  test('of a follower, and of a leader whose follower is gone', () => {
    const world = started(2);
    const leader = world.leader!;
    const [follower, gone] = world.followers as [(typeof world.followers)[0], never];
    const info = fieldsOf(world.client(follower!).ask('INFO', 'replication', 'RAFT'));
    assert.equal(info.get('role'), 'slave');
    assert.equal(info.get('master_host'), leader.member.host);
    assert.equal(info.get('master_link_status'), 'up');
    assert.equal(info.get('raft_role'), 'follower');
    assert.equal(info.has('raft_peer0'), false, 'it knows nothing of its peers');
    assert.equal(info.has('# Server'), false);
    world.kill(gone);
    world.run(1500);
    const client = world.client(leader);
    const after = fieldsOf(client.ask('INFO', 'replication'));
    assert.equal(after.get('connected_slaves'), '1');
    assert.match(client.ask('CLUSTER', 'SHARDS'), /\$health \$failed/);
    assert.match(client.ask('CLUSTER', 'NODES'), /disconnected\n/);
    assert.match(client.ask('ROLE'), /^\[\$master :\d+ \[\[\$n\d \$7001 \$\d+\]\]\]$/);
  });

  test('without a leader says so, and what needs one is refused', () => {
    const world = started(3);
    const leader = world.leader!;
    for (const other of world.followers) world.kill(other);
    world.run(1500);
    const client = world.client(leader);
    const info = fieldsOf(client.ask('INFO'));
    assert.equal(info.get('master_link_status'), 'down');
    assert.equal(info.has('raft_leader'), false);
    // What is sent there waits for the election.
    const owner = `^\\[\\[:0 :16383 \\[\\$${leader.member.host} `;
    assert.match(client.ask('CLUSTER', 'SLOTS'), new RegExp(owner));
    assert.match(client.ask('CLUSTER', 'INFO'), /cluster_state:fail/);
    assert.match(client.ask('ROLE'), /^\[\$slave \$ :0 \$connect :\d+\]$/);
    assert.match(client.ask('LOLWUT'), /adrift/);
  });

  test('takes sections in any case, once each and in its own order', () => {
    const world = started(4);
    const client = world.client(world.leader!);
    assert.equal(
      client.ask('INFO', 'keyspace', 'Cluster', 'cluster'),
      '$# Cluster\r\ncluster_enabled:1\r\n\r\n# Keyspace\r\n',
    );
    assert.equal(client.ask('INFO', 'nonsense'), '$');
    const sections = [...fieldsOf(client.ask('INFO', 'everything')).keys()].filter((name) =>
      name.startsWith('#'),
    );
    assert.equal(
      sections.join(' '),
      '# Server # Clients # Memory # Persistence # Stats # Replication # CPU # Cluster # Raft # Keyspace',
    );
  });

  test('counts what its own pipeline did before it', () => {
    const world = started(5);
    const client = world.client(world.leader!);
    client.send('SET', 'a', '1');
    client.send('INFO', 'keyspace');
    assert.ok(world.until(() => client.replies.length === 2));
    assert.equal(
      client.ask('INFO', 'keyspace'),
      '$# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=0\r\n',
    );
    assert.deepEqual(client.replies[1], client.replies[2]);
  });
});

test('INFO counts the commands of those who are gone, too', () => {
  const world = started(9);
  const client = world.client(world.leader!);
  const gone = world.client(world.leader!);
  gone.ask('PING');
  gone.ask('INCR', 'n');
  gone.end();
  assert.ok(world.until(() => gone.closed));
  const total = (reply: string) => fieldsOf(reply).get('total_commands_processed');
  assert.equal(total(client.ask('INFO', 'stats')), '3');
  assert.equal(total(client.ask('INFO', 'stats')), '4');
});

test('CONFIG GET matches patterns, in any case', () => {
  const world = started(6);
  const client = world.client(world.leader!);
  assert.equal(client.ask('CONFIG', 'GET', 'save'), '[$save $]');
  assert.equal(
    client.ask('CONFIG', 'GET', 'APPEND[F-O]*'),
    '[$appendonly $yes $appendfsync $always]',
  );
  assert.equal(
    client.ask('CONFIG', 'GET', 'nosuch', 'data[ab]ases', 'databases'),
    '[$databases $1]',
  );
  assert.equal(client.ask('CONFIG', 'GET', 'k?y-bytes-max'), '[$key-bytes-max $1024]');
  assert.equal(client.ask('CONFIG', 'GET', 'nosuch'), '[]');
});

test('TIME is the wall clock, which goes as the world does', () => {
  const world = started(7);
  const client = world.client(world.leader!);
  const now = () => {
    const [, seconds, micros] = /^\[\$(\d+) \$(\d+)\]$/.exec(client.ask('TIME'))!;
    return Number(seconds) * 1000 + Number(micros) / 1000;
  };
  const [before, worldBefore] = [now(), world.scheduler.nowMs];
  assert.ok(before > Date.UTC(2026, 0, 1) && before < Date.UTC(2026, 0, 2));
  world.run(5000);
  const drift = now() - before - (world.scheduler.nowMs - worldBefore);
  assert.ok(Math.abs(drift) < 2, `${drift} ms`);
});

test('CLUSTER COUNTKEYSINSLOT looks at every key, a slice a turn', () => {
  const world = started(8);
  const client = world.client(world.leader!);
  const keys = Array.from({ length: 5000 }, (_, i) => (i % 3 === 0 ? `{a}${i}` : `k${i}`));
  for (const key of keys) client.send('SET', key, '');
  assert.ok(world.until(() => client.replies.length === keys.length, 60_000));
  const slotOf = (key: string) => keySlot(bytesOf(key));
  const inSlot = (slot: number) => keys.filter((key) => slotOf(key) === slot).length;
  const startMs = world.scheduler.nowMs;
  for (const slot of [slotOf('a'), slotOf('k1'), 0]) {
    assert.equal(client.ask('CLUSTER', 'COUNTKEYSINSLOT', String(slot)), `:${inSlot(slot)}`);
  }
  const tookMs = world.scheduler.nowMs - startMs;
  assert.ok(tookMs < 10, `${tookMs} ms: a slice does not wait for another reason to make a turn`);
  assert.ok(inSlot(slotOf('a')) >= 1666);
  assert.equal(client.ask('CLUSTER', 'COUNTKEYSINSLOT', '16384'), '-ERR Invalid slot');
  const follower = world.client(world.followers[0]!);
  world.run(100);
  assert.equal(follower.ask('CLUSTER', 'COUNTKEYSINSLOT', '0'), `:${inSlot(0)}`);
});
