import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type Cluster, electsFirst, until, withCluster } from './cluster.ts';
import { Evidence } from './evidence.ts';
import { Load } from './load.ts';
import { missingMount, SmallDisk } from './small-disk.ts';
import { missingStrace, readTrace, traced } from './strace.ts';

/** The node whose disk fails. It leads when that happens. */
const VICTIM = 'n3';
const MIB = 1024 * 1024;

describe('a failing fsync', { skip: missingStrace(), timeout: 60_000 }, () => {
  it('ends the process, which promises nothing afterwards; the others go on', async () => {
    // The 80th of the thread that does the syncs once the node runs. `when` counts by thread.
    const failing = ['-E', 'UV_THREADPOOL_SIZE=1', '-e', 'inject=fdatasync:error=EIO:when=80'];
    const trace = (directory: string) => join(directory, 'failing.strace');
    let fails = true;
    const program = (name: string, directory: string) =>
      name === VICTIM && fails ? traced(trace(directory), ...failing) : null;
    await withCluster({ program, flags: electsFirst(VICTIM) }, async (cluster) => {
      assert.equal(await cluster.leader(), VICTIM);
      const load = new Load(cluster, 4, 'eio');
      load.start();
      const exit = await until(
        () => cluster.exits.get(VICTIM) ?? null,
        () => `${VICTIM} to end`,
      );
      assert.deepEqual([exit.code, exit.wanted], [1, false]);
      assert.match(exit.lastLines.join('\n'), /^dkvs: the disk failed: sync wal-\S+.* EIO/m);

      await goesOn(cluster, load);
      checkSilence(cluster, trace(cluster.directory));
      fails = false;
      await cluster.start(VICTIM);
      await cluster.caughtUp([VICTIM]);
      await load.stop();
      await load.verify(cluster.client);
    });
  });
});

/** D5: after the failure it promised nothing, and left the disk alone: it never tried again. */
function checkSilence(cluster: Cluster, file: string): void {
  const node = new Evidence(
    readTrace(file),
    cluster.members.map(({ peerPort }) => peerPort),
  );
  assert.equal(node.failedSyncs.length, 1);
  const { returnedUs } = node.failedSyncs[0]!;
  assert.deepEqual(node.diskUseAfter(returnedUs), []);
  for (const { what, atUs } of node.messages) {
    if (atUs < returnedUs) continue;
    const isPromise = what.kind === 'RequestVoteResponse' || what.kind === 'AppendEntriesResponse';
    assert.ok(!isPromise, `${what.kind} left after the failure`);
  }
}

async function goesOn(cluster: Cluster, load: Load): Promise<void> {
  await cluster.leader(cluster.others(VICTIM));
  const before = load.acknowledged;
  await until(
    () => (load.acknowledged > before + 20 ? true : null),
    () => 'writes to go on',
  );
}

describe('a full disk', { skip: missingMount(), timeout: 60_000 }, () => {
  it('costs a node its leadership, not its life, until there is room again', async () => {
    const disk = new SmallDisk(24);
    try {
      const prepare = (directory: string) => symlinkSync(disk.path, join(directory, VICTIM));
      await withCluster({ prepare, flags: electsFirst(VICTIM, '1s') }, async (cluster) => {
        assert.equal(await cluster.leader(), VICTIM);
        await fillLog(cluster);
        // Its log has no room; it still answers, follows, and says what is wrong.
        const leader = await cluster.leader(cluster.others(VICTIM));
        const status = (await cluster.status(VICTIM))!;
        assert.deepEqual([status.role, status.storage], ['follower', 'full']);
        await cluster.client.command(['SET', 'without', VICTIM]);
        const { commitIndex, followers } = (await cluster.status(leader))!;
        const victim = followers.find(({ name }) => name === VICTIM)!;
        assert.ok(victim.matchIndex < commitIndex, 'acknowledged what it has no room for');

        disk.fill();
        await cluster.kill(VICTIM);
        await cluster.start(VICTIM);
        await cluster.client.command(['SET', 'again without', VICTIM]);
        await storageIs(cluster, 'full');

        disk.grow(96);
        await storageIs(cluster, 'ok');
        await cluster.caughtUp([VICTIM]);
      });
    } finally {
      disk.remove();
    }
  });
});

/** Values of 1 MiB, more than fit into the first segment of a log. */
async function fillLog(cluster: Cluster): Promise<void> {
  const value = Buffer.alloc(MIB, 'x');
  for (let i = 0; i < 18; i++) {
    await cluster.client.command(['SET', `big-${i}`, value], { deadlineMs: 10_000 });
  }
}

async function storageIs(cluster: Cluster, expected: 'ok' | 'full'): Promise<void> {
  await until(
    async () => ((await cluster.status(VICTIM))?.storage === expected ? true : null),
    () => `the storage of ${VICTIM} to be ${expected}`,
  );
}
