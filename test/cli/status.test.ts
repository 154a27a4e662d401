import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { main } from '../../src/cli/main.ts';
import { FakeIo, until } from './fake-io.ts';
import { bulk, FakeServer } from './fake-server.ts';

describe('dkvs status', () => {
  const servers: FakeServer[] = [];
  let members: { name: string; address: string }[];
  let dead: string;

  before(async () => {
    for (const name of ['n1', 'n2', 'n10']) {
      const server = await FakeServer.listen(() =>
        bulk(
          JSON.stringify({
            name,
            address: server.address,
            role: name === 'n2' ? 'leader' : 'follower',
            term: 4,
            commitIndex: name === 'n2' ? 120 : 100,
            lastApplied: name === 'n2' ? 120 : 99,
            lastIndex: 120,
            leader: 'n2',
            phase: 'running',
            storage: name === 'n2' ? 'full' : 'ok',
            suspect: name === 'n10',
            members,
          }),
        ),
      );
      servers.push(server);
    }
    const gone = await FakeServer.listen(() => null);
    dead = gone.address;
    await gone.close();
    members = servers.map(({ address }, i) => ({ name: ['n1', 'n2', 'n10'][i]!, address }));
    members.push({ name: 'n3', address: dead });
  });
  after(() => Promise.all(servers.map((server) => server.close())));

  async function status(...argv: string[]) {
    const io = new FakeIo();
    io.env['DKVS_CONNECT'] = servers[0]!.address;
    const code = await main(['status', ...argv], io);
    return { code, out: io.stdout.text };
  }

  it('--json prints one object a member, found through any of them', async () => {
    const { code, out } = await status('--json');
    const objects = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.equal(code, 0);
    assert.deepEqual(
      objects.map(({ name, role }) => [name, role]),
      [
        ['n1', 'follower'],
        ['n2', 'leader'],
        ['n3', 'unreachable'],
        ['n10', 'follower'],
      ],
    );
    assert.deepEqual(objects[1], {
      name: 'n2',
      address: servers[1]!.address,
      role: 'leader',
      term: 4,
      commitIndex: 120,
      lastApplied: 120,
      lastIndex: 120,
      leader: 'n2',
      phase: 'running',
      storage: 'full',
      suspect: false,
    });
    assert.deepEqual(objects[2], {
      name: 'n3',
      address: dead,
      role: 'unreachable',
      term: null,
      commitIndex: null,
      lastApplied: null,
      lastIndex: null,
      leader: null,
      phase: null,
      storage: null,
      suspect: null,
    });
  });

  it('prints a table with lag for people', async () => {
    const lines = (await status()).out.split('\n');
    assert.match(lines[0]!, /^NAME +ADDRESS +ROLE +TERM +COMMIT +APPLIED +LAST +LAG +HEALTH$/);
    assert.match(lines[1]!, /^n1 .* follower +4 +100 +99 +120 +21 +ok$/);
    assert.match(lines[2]!, /^n2 .* leader +4 +120 +120 +120 +0 +disk full$/);
    assert.match(lines[4]!, /^n10 .* follower +4 +100 +99 +120 +21 +suspect$/);
    assert.match(lines[3]!, /^n3 .* unreachable +- +- +- +- +- +down, or cut off$/);
  });

  it('exits with 5 when nobody leads', async () => {
    const io = new FakeIo();
    assert.equal(await main(['status', '--connect', dead], io), 5);
    assert.match(io.stdout.text, /unreachable/);
  });

  it('shows a node that talks nonsense as unreachable', async () => {
    const server = await FakeServer.listen(() => bulk('{"role": '));
    const io = new FakeIo();
    assert.equal(await main(['status', '--connect', server.address], io), 5);
    assert.match(io.stdout.text, /unreachable/);
    await server.close();
  });

  it('--watch goes on until Ctrl-C', async () => {
    const io = new FakeIo();
    const done = main(['status', '--watch', '--connect', servers[0]!.address], io);
    await until(
      () => io.listeners === 1,
      () => io.stdout.text,
    );
    io.signal('SIGINT');
    assert.equal(await done, 0);
    assert.equal(io.listeners, 0);
  });
});
