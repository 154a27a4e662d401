import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { UnavailableError, UnknownOutcomeError } from '../../src/client/errors.ts';
import { type Cluster, sleep, until, withCluster } from './cluster.ts';
import { Load } from './load.ts';

/** DKVS_SNAPSHOT_KILLS=100 for a night. */
const KILLS = Number(process.env['DKVS_SNAPSHOT_KILLS'] ?? 3);
const VALUE = 'x'.repeat(128 * 1024);
const KEYS = 100;
/** Two snapshots are taken, and the log is cut behind the first, before a log has grown by this. */
const CUT_BYTES = 3 * 80 * 1024 * 1024;

/** Fills the log: large values over the same keys, 16 at a time, until it is told to stop. */
class Bulk {
  written = 0;
  private isStopped = false;
  private readonly loops: readonly Promise<void>[];

  constructor(cluster: Cluster) {
    this.loops = Array.from({ length: 16 }, (_, i) => this.fill(cluster, i));
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.all(this.loops);
  }

  async grow(bytes: number): Promise<void> {
    const to = this.written + bytes / VALUE.length;
    await until(
      () => (this.written >= to ? true : null),
      () => `${Math.round(to)} large writes, ${this.written} are there`,
      60_000,
    );
  }

  private async fill(cluster: Cluster, first: number): Promise<void> {
    for (let n = first; !this.isStopped && !cluster.isClosed; n += 16) {
      try {
        await cluster.client.command(['SET', `bulk:${n % KEYS}`, VALUE]);
        this.written++;
      } catch (error) {
        const isExpected =
          error instanceof UnavailableError || error instanceof UnknownOutcomeError;
        if (!isExpected && !cluster.isClosed) throw error;
      }
    }
  }
}

const filesOf = (cluster: Cluster, name: string, prefix: string) =>
  readdirSync(cluster.dataDirectory(name)).filter((file) => file.startsWith(prefix));

/** kill -9, some time after such a file has appeared: it lives for about a tenth of a second. */
async function killWhile(cluster: Cluster, name: string, prefix: string): Promise<void> {
  await until(
    () => (filesOf(cluster, name, prefix).length > 0 ? true : null),
    () => `a file ${prefix}… of ${name}; it said:\n${cluster.log(name)}`,
    60_000,
  );
  await sleep(Math.random() * 150);
  await cluster.kill(name);
}

describe('processes with snapshots', { timeout: 180_000 }, () => {
  it('lose nothing when they are killed while they take one', async () => {
    await withCluster({}, async (cluster) => {
      const load = new Load(cluster, 4, 'taking');
      const bulk = new Bulk(cluster);
      load.start();
      for (let i = 0; i < KILLS; i++) {
        const victim = cluster.names[i % cluster.names.length]!;
        await killWhile(cluster, victim, 'snapshot-next');
        await cluster.start(victim);
        await cluster.caughtUp([victim], 30_000);
      }
      await bulk.stop();
      await load.stop();
      await cluster.caughtUp(cluster.names, 30_000);
      for (const name of cluster.names) {
        const snapshots = filesOf(cluster, name, 'snapshot-0').length;
        assert.ok(snapshots >= 1 && snapshots <= 2, `${name} has ${snapshots} snapshots`);
      }
      await load.verify(cluster.client);
    });
  });

  it('lose nothing when they are killed while they are sent one', async () => {
    await withCluster({}, async (cluster) => {
      const load = new Load(cluster, 2, 'sent');
      load.start();
      const victim = cluster.others(await cluster.leader())[0]!;
      for (let i = 0; i < Math.max(1, KILLS - 1); i++) {
        await cluster.kill(victim);
        const bulk = new Bulk(cluster);
        await bulk.grow(CUT_BYTES);
        await bulk.stop();
        const started = cluster.start(victim).catch(() => {});
        await killWhile(cluster, victim, 'snapshot-incoming');
        await started;
        await cluster.start(victim);
        await cluster.caughtUp([victim], 30_000);
      }
      await load.stop();
      // It can lead with what it was sent.
      const others = cluster.others(victim);
      await cluster.kill(others[0]!);
      await cluster.caughtUp([victim, others[1]!], 30_000);
      await load.verify(cluster.client);
    });
  });
});
