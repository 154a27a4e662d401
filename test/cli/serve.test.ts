import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { checkLimits, defaultLimits } from '../../src/base/limits.ts';
import { serveCommand } from '../../src/cli/commands/serve.ts';
import { tableOf } from '../../src/cli/commands.ts';
import { main } from '../../src/cli/main.ts';
import { localPeerSecret, readPeerSecret } from '../../src/cli/peer-secret.ts';
import type { RunningServer, ServeSettings } from '../../src/cli/serve-contract.ts';
import { limitsFor } from '../../src/cli/serve-settings.ts';
import { FakeIo, until } from './fake-io.ts';

const THREE = 'n1=127.0.0.1:7001,n2=127.0.0.1:7002,n3=127.0.0.1:7003@9';
const LINE = ['serve', '--name', 'n3', '--cluster', THREE, '--data', 'd'];

/** A server that does nothing but note what it is asked. */
class FakeReplica implements RunningServer {
  settings: ServeSettings | null = null;
  readonly address = { host: '127.0.0.1', port: 7003 };
  stops = 0;
  fail: (error: Error) => void = () => {};
  stopped: () => void = () => {};
  readonly failed: Promise<Error> = new Promise((resolve) => {
    this.fail = resolve;
  });

  start = (settings: ServeSettings): Promise<RunningServer> => {
    this.settings = settings;
    return Promise.resolve(this);
  };

  stop(): Promise<void> {
    this.stops++;
    return new Promise((resolve) => {
      this.stopped = resolve;
    });
  }
}

function serve(...argv: string[]) {
  const io = new FakeIo();
  const replica = new FakeReplica();
  const code = main(argv, io, tableOf([serveCommand(replica.start)]));
  return { io, replica, code };
}

const isReady = (io: FakeIo) =>
  until(
    () => io.stdout.text !== '',
    () => io.stderr.text,
  );

describe('dkvs serve', () => {
  it('hands the settings over, says ready, and stops cleanly on SIGTERM', async () => {
    const { io, replica, code } = serve(...LINE);
    await isReady(io);
    assert.equal(io.stdout.text, 'ready n3 127.0.0.1:7003\n');
    const { name, members, listen, listenPeers, dataDirectory, timing, limits } = replica.settings!;
    assert.deepEqual([name, members.length, dataDirectory], ['n3', 3, 'd']);
    assert.deepEqual(listen, { host: '127.0.0.1', port: 7003 });
    assert.deepEqual(listenPeers, { host: '127.0.0.1', port: 9 });
    assert.deepEqual(timing, { heartbeatMs: 50, electionTimeoutMs: 300 });
    assert.deepEqual(limits, defaultLimits);
    io.signal('SIGTERM');
    await until(
      () => replica.stops === 1,
      () => 'stop',
    );
    replica.stopped();
    assert.equal(await code, 0);
    assert.equal(io.listeners, 0);
  });

  it('exits at once, not cleanly, on a second signal', async () => {
    const { io, replica, code } = serve(...LINE);
    await isReady(io);
    io.signal('SIGINT');
    await until(
      () => replica.stops === 1,
      () => 'stop',
    );
    io.signal('SIGINT');
    assert.equal(await code, 1);
  });

  it('stops when it is supervised and its supervisor is gone, and not otherwise', async () => {
    const alone = serve(...LINE);
    await isReady(alone.io);
    alone.io.endStdin();
    const supervised = serve(...LINE, '--supervised');
    await isReady(supervised.io);
    supervised.io.endStdin();
    await until(
      () => supervised.replica.stops === 1,
      () => 'stop',
    );
    supervised.replica.stopped();
    assert.equal(await supervised.code, 0);
    assert.equal(alone.replica.stops, 0);
    alone.io.signal('SIGTERM');
    await until(
      () => alone.replica.stops === 1,
      () => 'stop',
    );
    alone.replica.stopped();
    await alone.code;
  });

  it('exits with 1 and the reason when the server can not go on, or not start', async () => {
    const { io, replica, code } = serve(...LINE);
    await isReady(io);
    replica.fail(new Error('fsync log-1: EIO'));
    assert.equal(await code, 1);
    assert.match(io.stderr.text, /dkvs: fsync log-1: EIO/);
    const refused = new FakeIo();
    const start = () => Promise.reject(new Error('the directory is locked by process 7'));
    assert.equal(await main(LINE, refused, tableOf([serveCommand(start)])), 1);
    assert.match(refused.stderr.text, /^dkvs: the directory is locked by process 7\n$/);
  });

  it('logs JSON lines, or readable ones on a terminal', async () => {
    for (const isTty of [false, true]) {
      const io = isTty ? new FakeIo().terminal() : new FakeIo();
      const replica = new FakeReplica();
      const code = main(LINE, io, tableOf([serveCommand(replica.start)]));
      await isReady(io);
      replica.settings!.log({
        level: 'info',
        event: 'role',
        message: 'leader in term 3',
        fields: { term: 3 },
      });
      replica.settings!.log({ level: 'debug', event: 'role', message: 'unseen', fields: {} });
      replica.fail(new Error('over'));
      await code;
      const line = io.stderr.text.split('\n')[0]!;
      if (isTty) {
        assert.match(line, /info.* n3 {2}leader in term 3$/);
      } else {
        const { time, ...rest } = JSON.parse(line);
        assert.match(time, /^\d{4}-.*Z$/);
        assert.deepEqual(rest, {
          level: 'info',
          node: 'n3',
          event: 'role',
          message: 'leader in term 3',
          term: 3,
        });
      }
      assert.doesNotMatch(io.stderr.text, /unseen/);
    }
  });

  it('redirects as a follower, or forwards when told to', async () => {
    for (const [flags, expected] of [
      [[], 'redirect'],
      [['--follower', 'proxy'], 'proxy'],
    ] as const) {
      const { io, replica, code } = serve(...LINE, ...flags);
      await isReady(io);
      assert.equal(replica.settings!.follower, expected);
      replica.fail(new Error('over'));
      await code;
    }
  });

  const refused: [string[], RegExp][] = [
    [['serve', '--cluster', THREE, '--data', 'd'], /--name is missing/],
    [['serve', '--name', 'n1', '--data', 'd'], /--cluster is missing/],
    [['serve', '--name', 'n1', '--cluster', THREE], /--data is missing/],
    [[...LINE, '--name', 'm3'], /"m3" is no member.*\n.*did you mean `n3`/],
    [
      [...LINE, '--listen', '0.0.0.0:7003'],
      /0\.0\.0\.0:7003 is not loopback.*\n.*--peer-secret-file.*--insecure/,
    ],
    [['serve', '--name', 'a', '--cluster', 'a=10.0.0.1:1', '--data', 'd'], /say --insecure/],
    [[...LINE, '--election-timeout', '80ms'], /too short for heartbeats every 50 ms/],
    [[...LINE, '--election-timeout', '149ms'], /too short .*\n.*at least three times as long/],
    [[...LINE, '--log-level', 'wran'], /one of debug, info, warn, error.*\n.*`warn`/],
    [[...LINE, '--follower', 'prxoy'], /--follower must be one of redirect, proxy.*\n.*`proxy`/],
    [[...LINE, '--value-bytes-max', '1e9'], /--value-bytes-max must be a whole number/],
    [[...LINE, 'now'], /takes no argument/],
  ];
  for (const [argv, expected] of refused) {
    it(`refuses: dkvs ${argv.join(' ')}`, async () => {
      const { io, replica, code } = serve(...argv);
      assert.equal(await code, 2);
      assert.match(io.stderr.text, expected);
      assert.equal(replica.settings, null);
    });
  }

  it('serves a network when its members share a secret', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'dkvs-secret-'));
    const file = join(directory, 'secret');
    const secret = (text: string) => writeFileSync(file, text);
    const argv = ['serve', '--name', 'a', '--cluster', 'a=10.0.0.1:1', '--data', 'd'];
    const asked = ['--peer-secret-file', file];
    const refusal = async () => {
      const { io, replica, code } = serve(...argv, ...asked);
      assert.equal(await code, 2);
      assert.equal(replica.settings, null);
      return io.stderr.text;
    };
    assert.match(await refusal(), /can't read --peer-secret-file: ENOENT.*\n.*head -c 32/);
    secret(`${' '.repeat(20)}0123456789abcde\n`);
    assert.match(await refusal(), /has 15 bytes: it must have 16 to 4096/);
    secret('0123456789abcdef\n');
    const { io, replica, code } = serve(...argv, ...asked);
    await isReady(io);
    assert.equal(Buffer.from(replica.settings!.peerSecret!).toString(), '0123456789abcdef');
    assert.doesNotMatch(io.stderr.text, /0123456789/);
    replica.fail(new Error('over'));
    await code;
    rmSync(directory, { recursive: true });
  });

  it('makes a local cluster a secret of its own, once, for nobody else to read', () => {
    const directory = mkdtempSync(join(tmpdir(), 'dkvs-secret-'));
    const file = localPeerSecret(join(directory, 'new'));
    const first = readPeerSecret(file);
    assert.ok(first.length >= 40);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(readPeerSecret(localPeerSecret(join(directory, 'new'))), first);
    rmSync(directory, { recursive: true });
  });

  it('takes as many clients as it is told', async () => {
    const { io, replica, code } = serve(...LINE, '--max-clients', '7');
    await isReady(io);
    assert.equal(replica.settings!.limits.clientsMax, 7);
    replica.fail(new Error('over'));
    await code;
  });

  it('serves a network when told --insecure in so many words, and warns of even sizes', async () => {
    const argv = ['serve', '--name', 'a', '--cluster', 'a=10.0.0.1:1,b=10.0.0.2:1', '--data', 'd'];
    const { io, replica, code } = serve(...argv, '--insecure', '--listen', '0.0.0.0:5@6');
    await isReady(io);
    assert.deepEqual(replica.settings!.listenPeers, { host: '0.0.0.0', port: 6 });
    assert.match(io.stderr.text, /a cluster of 2 survives no more losses than one of 1/);
    replica.fail(new Error('over'));
    await code;
  });
});

describe('the limits', () => {
  it('let FLUSHALL in only where it is wanted', async () => {
    for (const more of [[], ['--allow-flushall']]) {
      const { io, replica, code } = serve(...LINE, ...more);
      await isReady(io);
      assert.equal(replica.settings?.limits.allowFlushall, more.length > 0);
      io.signal('SIGTERM');
      io.signal('SIGTERM');
      await code;
    }
  });

  it('keep their relations, whatever keys and values are allowed', () => {
    for (const key of [1, 8192, 1 << 20]) {
      for (const value of [1, 1000, 1 << 20, (1 << 20) + 1, 64 << 20]) {
        const limits = limitsFor(key, value);
        checkLimits(limits);
        assert.deepEqual([limits.keyBytesMax, limits.valueBytesMax], [key, value]);
      }
    }
  });
});
