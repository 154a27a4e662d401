import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { main } from '../../src/cli/main.ts';
import { Observer } from '../../src/cli/monitor/observer.ts';
import { changeText } from '../../src/cli/monitor/render.ts';
import type { MemberReport } from '../../src/cli/node-status.ts';
import { FakeIo, until } from './fake-io.ts';
import { bulk, FakeServer } from './fake-server.ts';
import { Terminal } from './terminal.ts';

function member(name: string, role: string, term: number | null, commitIndex: number | null) {
  const nothing = { phase: null, storage: null, leader: null };
  const indexes = { commitIndex, lastApplied: commitIndex, lastIndex: commitIndex };
  const status = { name, address: `${name}:1`, role, term, ...indexes, ...nothing };
  return { status, facts: null } as MemberReport;
}

describe('what is observed', () => {
  it('is who leads, who is there, and how fast the log grows', () => {
    const observer = new Observer();
    const take = (atMs: number, ...reports: MemberReport[]) => {
      const { view, changes } = observer.take({ at: new Date(0), atMs, reports });
      return { view, said: changes.map(changeText) };
    };
    const n3 = member('n3', 'follower', 1, 90);
    const start = take(0, member('n1', 'leader', 1, 100), member('n2', 'follower', 1, 100), n3);
    assert.deepEqual(start.said, ['n1 leads in term 1']);
    assert.equal(start.view.entriesPerSecond, null);

    const later = take(500, member('n1', 'leader', 1, 200), member('n2', 'follower', 1, 150), n3);
    assert.deepEqual(later.said, []);
    assert.deepEqual(
      later.view.members.map(({ entriesPerSecond, lag }) => [entriesPerSecond, lag]),
      [
        [200, 0],
        [100, 50],
        [0, 110],
      ],
    );
    assert.equal(later.view.entriesPerSecond, 200);

    const gone = member('n1', 'unreachable', null, null);
    const lost = take(1000, gone, member('n2', 'candidate', 1, 150), n3);
    assert.deepEqual(lost.said, ['n1 is down, or cut off', 'n1 leads no more']);
    assert.equal(lost.view.leader, null);
    assert.deepEqual(take(1200, gone, member('n2', 'candidate', 1, 150), n3).said, []);

    const won = take(1500, gone, member('n2', 'leader', 2, 151), n3);
    assert.deepEqual(won.said, ['n2 leads in term 2, 1.0 s after the last look at one']);

    // Back, with less than it had; and of two who say that they lead, the one of the later term does.
    const back = take(2000, member('n1', 'leader', 1, 20), member('n2', 'leader', 2, 151), n3);
    assert.deepEqual(back.said, ['n1 is back']);
    assert.equal(back.view.leader, 'n2');
  });

  it('is nobody, if nobody leads from the start', () => {
    const { changes } = new Observer().take({
      at: new Date(0),
      atMs: 0,
      reports: [member('n1', 'unreachable', null, null)],
    });
    assert.deepEqual(changes.map(changeText), ['n1 is down, or cut off', 'nobody leads']);
  });
});

describe('watching', () => {
  let server: FakeServer;
  let status: Record<string, unknown>;
  beforeEach(async () => {
    status = { name: 'n1', role: 'leader', term: 3, commitIndex: 10, lastApplied: 10, clients: 4 };
    server = await FakeServer.listen(() => bulk(JSON.stringify(status)));
  });
  const watched: { io: FakeIo; done: Promise<number> }[] = [];
  afterEach(async () => {
    for (const { io, done } of watched.splice(0)) {
      io.signal('SIGINT');
      await done;
      assert.equal(io.listeners, 0);
    }
    await server.close();
  });

  function watch(io: FakeIo, ...argv: string[]) {
    io.env['DKVS_CONNECT'] = server.address;
    io.env['NO_COLOR'] = '1';
    const done = main(argv, io);
    watched.push({ io, done });
    return done;
  }
  const lines = (io: FakeIo) => io.stdout.text.trimEnd().split('\n');
  const waitFor = (io: FakeIo, what: string) =>
    until(
      () => io.stdout.text.includes(what),
      () => io.stdout.text,
    );

  it('on a pipe, monitor prints a line for every change and every interval', async () => {
    const io = new FakeIo();
    const done = watch(io, 'monitor', '--interval', '100ms');
    await waitFor(io, ' 0 entries/s');
    Object.assign(status, { name: 'n2', term: 4, commitIndex: 110 });
    await waitFor(io, 'n2 leads in term 4, ');
    await waitFor(io, 'n2 leads in term 4 since ');
    io.signal('SIGINT');
    assert.equal(await done, 0);
    const [first, second] = lines(io);
    assert.match(first!, /^\d{4}-\d\d-\d\dT[\d:.]+Z {2}n1 leads in term 3$/);
    assert.match(second!, /Z {2}n1 leads in term 3 {2}1 of 1 up {2}- entries\/s {2}lag 0$/);
  });

  it('--json gives objects, a stable contract', async () => {
    const io = new FakeIo();
    const done = watch(io, 'monitor', '--json', '--interval', '100ms');
    await waitFor(io, '"entriesPerSecond":0');
    io.signal('SIGTERM');
    await done;
    const [change, sample] = lines(io).map((line) => JSON.parse(line));
    assert.deepEqual(change, {
      time: change.time,
      kind: 'leader',
      name: 'n1',
      term: 3,
      withoutMs: null,
    });
    assert.deepEqual(sample, {
      time: change.time,
      kind: 'sample',
      leader: 'n1',
      term: 3,
      entriesPerSecond: null,
      members: [
        {
          name: 'n1',
          address: server.address,
          role: 'leader',
          term: 3,
          commitIndex: 10,
          lastApplied: 10,
          lastIndex: null,
          lag: 0,
          entriesPerSecond: null,
          clients: 4,
          memoryBytes: null,
        },
      ],
    });
  });

  it('on a terminal, monitor is a picture that fits, and leaves the terminal as it was', async () => {
    const io = new FakeIo().terminal();
    const done = watch(io, 'monitor', '--interval', '100ms');
    await waitFor(io, 'entries/s');
    assert.ok(io.stdout.text.startsWith('\x1b[?1049h\x1b[?25l'));
    const shown = Terminal.rowsOf(io.stdout.text);
    assert.match(shown[0]!, /^n1 leads in term 3 {2}1 of 1 up/);
    assert.match(
      shown[2]!,
      /^NAME +ADDRESS +ROLE +TERM +COMMIT +LAG +ENTRIES\/S +CLIENTS +HEALTH$/,
    );
    assert.match(shown[3]!, /^n1 +\S+ +leader +3 +10 +0 +- +4 +ok$/);
    assert.match(shown[5]!, /^[\d:.]+ {2}n1 leads in term 3$/);

    const before = io.stdout.text.length;
    io.stdout.resize(20, 3);
    const small = Terminal.rowsOf(io.stdout.text.slice(before));
    assert.equal(small.length, 3, 'redrawn at once');
    for (const row of small) assert.ok(row.length < 20, row);

    io.signal('SIGINT');
    assert.equal(await done, 0);
    const [, after] = io.stdout.text.split('\x1b[?25h\x1b[?1049l');
    assert.match(after!, /^\S+Z {2}n1 leads in term 3\n$/);
    const { length } = io.stdout.text;
    io.stdout.resize(80, 24);
    assert.equal(io.stdout.text.length, length, 'nobody draws any more');
  });

  it('status --watch redraws its table in place, and leaves the last one', async () => {
    const io = new FakeIo().terminal();
    const done = watch(io, 'status', '--watch=0.1');
    await waitFor(io, 'n1');
    Object.assign(status, { commitIndex: 4711 });
    await waitFor(io, '4711');
    assert.equal(Terminal.rowsOf(io.stdout.text).length, 2);
    io.signal('SIGINT');
    assert.equal(await done, 0);
    const [, after] = io.stdout.text.split('\x1b[?1049l');
    assert.match(after!, /^NAME.*\nn1 .* 4711 .*\n$/);
  });

  it('on a pipe, status --watch appends', async () => {
    const io = new FakeIo();
    const done = watch(io, 'status', '--watch=0.1');
    await until(
      () => lines(io).length >= 4,
      () => io.stdout.text,
    );
    io.signal('SIGINT');
    await done;
    assert.match(lines(io)[2]!, /^NAME/);
  });
});
