import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { byteString } from '../../src/base/bytes.ts';
import { BackupFetcher } from '../../src/cli/backup/fetch.ts';
import { PartFile } from '../../src/cli/backup/part-file.ts';
import { main } from '../../src/cli/main.ts';
import { formatAddress } from '../../src/client/address.ts';
import type { Client } from '../../src/client/client.ts';
import { FakeIo } from '../cli/fake-io.ts';
import { Cluster, DKVS, until, withCluster } from './cluster.ts';

const KEYS = 200;
const VALUE_BYTES = 10_000;
const FLAGS = { flags: () => [] };

async function dkvs(...argv: string[]): Promise<string> {
  const [program, script] = DKVS;
  const { stdout } = await promisify(execFile)(program, [script, ...argv]);
  return stdout;
}

/** In this process: what needs no cluster. */
async function offline(...argv: string[]): Promise<string> {
  const io = new FakeIo();
  assert.equal(await main(argv, io), 0, io.stderr.text);
  return io.stdout.text;
}

const connectTo = (cluster: Cluster): string =>
  `--connect=${cluster.members.map(formatAddress).join(',')}`;

/** Sets keys one after the other; what was acknowledged, by key. */
class Writer {
  readonly acknowledged = new Map<string, string>();
  private readonly client: Client;
  private readonly tag: string;
  private isStopped = false;
  private running: Promise<void> = Promise.resolve();

  constructor(cluster: Cluster, tag: string) {
    this.client = cluster.connect();
    this.tag = tag;
  }

  start(): void {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await this.running;
    this.client.close();
  }

  private async run(): Promise<void> {
    for (let i = 0; !this.isStopped; i++) {
      const [key, value] = [`${this.tag}-${i}`, `value ${i}`];
      const done = await this.client.command(['SET', key, value]).then(
        () => true,
        () => false,
      );
      if (done) this.acknowledged.set(key, value);
    }
  }
}

async function fill(client: Client): Promise<void> {
  const value = 'x'.repeat(VALUE_BYTES);
  const keys = Array.from({ length: KEYS }, (_, i) => `big-${i}`);
  await Promise.all(keys.map((key) => client.command(['SET', key, value])));
}

async function stored(client: Client, key: string): Promise<string | null> {
  const reply = await client.command(['GET', key]);
  return reply.kind === 'bulk' ? byteString(reply.bytes) : null;
}

async function restoreInto(cluster: Cluster, file: string): Promise<void> {
  const members = cluster.members.map(({ name, host, port, peerPort }) => {
    return `${name}=${host}:${port}@${peerPort}`;
  });
  for (const name of cluster.names) {
    const flags = [`--name=${name}`, `--data=${cluster.dataDirectory(name)}`];
    await offline('restore', file, ...flags, `--cluster=${members.join(',')}`);
  }
  await Promise.all(cluster.names.map((name) => cluster.start(name)));
}

describe('a backup of a running cluster', () => {
  it('becomes another cluster, with all that was acknowledged before', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'dkvs-backup-'));
    const file = join(directory, 'b');
    try {
      const before = new Map<string, string>();
      let facts = { revision: 0, keys: 0, node: '', clusterId: '' };
      await withCluster(FLAGS, async (cluster) => {
        await fill(cluster.client);
        const writers = ['a', 'b', 'c'].map((tag) => new Writer(cluster, tag));
        for (const writer of writers) writer.start();
        await until(
          () => writers[0]!.acknowledged.size > 50 || null,
          () => 'some writes',
        );
        for (const writer of writers) for (const pair of writer.acknowledged) before.set(...pair);
        facts = JSON.parse(await dkvs('backup', file, '--json', connectTo(cluster)));
        assert.notEqual(facts.node, await cluster.leader(), 'the leader is not burdened');
        await cluster.client.command(['SET', 'late', 'x']);
        for (const writer of writers) await writer.stop();
      });
      const verified = JSON.parse(await offline('snapshot', 'verify', file, '--json'));
      assert.equal(verified.revision, facts.revision);
      const other = await Cluster.create(FLAGS);
      try {
        await restoreInto(other, file);
        const { client } = other;
        const deadline = { deadlineMs: 15_000 };
        const size = await client.command(['DBSIZE'], deadline);
        assert.deepEqual(size, { kind: 'integer', value: facts.keys });
        const check = async ([key, value]: readonly [string, string]) =>
          assert.equal(await stored(client, key), value, key);
        await Promise.all([...before].map(check));
        assert.equal((await stored(client, 'big-7'))?.length, VALUE_BYTES);
        assert.equal(await stored(client, 'late'), null, 'written behind the backup');
        await client.command(['SET', 'new', 'x']);
        const leader = other.address(await other.leader());
        const status = JSON.parse(Buffer.from(await client.statusOf(leader)).toString());
        assert.equal(status.revision, facts.revision + 1);
        assert.notEqual(status.clusterId, facts.clusterId);
      } finally {
        await other.close();
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('goes on with another node when the one that serves it is killed, and never mixes two', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'dkvs-backup-'));
    const file = join(directory, 'b');
    const part = new PartFile(file, false);
    try {
      await withCluster(FLAGS, async (cluster) => {
        await fill(cluster.client);
        const begun: string[] = [];
        const failed: string[] = [];
        let killed: Promise<void> | null = null;
        const fetcher = new BackupFetcher({
          client: cluster.client,
          seeds: cluster.members.map(formatAddress),
          timeoutMs: 5000,
          node: null,
          sink: { bytes: (bytes) => part.write(bytes), restart: () => part.clear() },
          events: {
            begun: (node) => begun.push(node),
            progress: (bytes, all) => {
              if (killed === null && bytes > all / 3) killed = cluster.kill(begun[0]!);
            },
            failed: (node) => failed.push(node),
          },
        });
        const backup = await fetcher.run();
        await killed;
        part.publish();
        assert.deepEqual(failed, [begun[0]], 'it was killed in the middle');
        assert.notEqual(backup.node, begun[0]);
        assert.equal(readFileSync(file).length, backup.snapshot.bytes);
        const verified = JSON.parse(await offline('snapshot', 'verify', file, '--json'));
        assert.deepEqual([verified.verdict, verified.id], ['ok', backup.snapshot.id]);
        assert.equal(verified.keys, KEYS + 1);
      });
      assert.equal(existsSync(`${file}.part`), false);
    } finally {
      part.discard();
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('is exported as lines, and imported into a cluster that has something already', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'dkvs-backup-'));
    const file = join(directory, 'lines');
    try {
      await withCluster(FLAGS, async (cluster) => {
        const { client } = cluster;
        const odd = Uint8Array.of(0xff, 0, 10);
        await client.command(['SET', odd, odd]);
        await client.command(['SET', 'a', 'old']);
        await dkvs('export', file, connectTo(cluster));
        await client.command(['DEL', odd]);
        await client.command(['SET', 'a', 'new']);
        const kept = await dkvs('import', file, '--nx', '--json', connectTo(cluster));
        assert.deepEqual(JSON.parse(kept), { set: 1, kept: 2, unsure: 0 });
        assert.equal(await stored(client, 'a'), 'new');
        const restored = await client.command(['GET', odd]);
        assert.deepEqual(restored.kind === 'bulk' && [...restored.bytes], [...odd]);
        await dkvs('import', file, connectTo(cluster));
        assert.equal(await stored(client, 'a'), 'old');
      });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
