import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Cluster, until, withCluster } from './cluster.ts';
import type { LinkProxy } from './link-proxy.ts';
import { textAt } from './load.ts';

const ANSWER_MS = 2000;

describe('a partition', { timeout: 60_000 }, () => {
  it('leaves the majority at work, and a minority that answers nothing as committed', async () => {
    await withCluster({ proxied: true }, async (cluster) => {
      const proxy = cluster.proxy!;
      await provesThatTheProxyKnowsEveryLink(cluster, proxy);
      await cluster.client.command(['SET', 'key', 'old']);

      const deposed = await cluster.leader();
      const majority = cluster.others(deposed);
      isolate(cluster, deposed);
      const atOnce = Promise.all([
        cluster.ask(deposed, 'SET', 'lost', 'x'),
        cluster.ask(deposed, 'GET', 'key'),
      ]);
      const leader = await cluster.leader(majority);
      assert.equal((await cluster.ask(leader, 'SET', 'key', 'new')).text, 'OK');
      assert.equal((await cluster.ask(leader, 'GET', 'lost')).text, 'null');

      // What it appended can't be known; what comes later is not appended at all.
      const [write, read] = await atOnce;
      assert.match(write.text, /^UNKNOWN /);
      assert.match(read.text, /^UNKNOWN /);
      const later = await cluster.ask(deposed, 'GET', 'key');
      assert.match(later.text, /^CLUSTERDOWN .*nothing was applied$/);
      for (const { afterMs } of [write, read, later]) {
        assert.ok(afterMs < ANSWER_MS, `answered after ${Math.round(afterMs)} ms`);
      }
      assert.notEqual((await cluster.status(deposed))?.role, 'leader');

      const { term } = (await cluster.status(leader))!;
      proxy.heal();
      await cluster.caughtUp([deposed]);
      // Pre-vote: its return costs the majority nothing.
      const healed = (await cluster.status(deposed))!;
      assert.deepEqual([healed.role, healed.leader, healed.term], ['follower', leader, term]);
      assert.equal(await textAt(cluster.client, 'lost'), null);
      assert.equal(await textAt(cluster.client, 'key'), 'new');
    });
  });

  it('that heals soon tells the deposed leader what became of its entries', async () => {
    await withCluster({ proxied: true }, async (cluster) => {
      const deposed = await cluster.leader();
      isolate(cluster, deposed);
      const lost = cluster.ask(deposed, 'SET', 'lost', 'x');
      const leader = await cluster.leader(cluster.others(deposed));
      cluster.proxy!.heal();
      const { text, afterMs } = await lost;
      // Another entry stands in its place by now, unless all of this took too long.
      assert.match(text, afterMs < 1750 ? /^NOTAPPLIED / : /^(NOTAPPLIED|UNKNOWN) /);
      assert.equal((await cluster.ask(leader, 'GET', 'lost')).text, 'null');
      await cluster.caughtUp();
    });
  });

  it('of a single direction takes the leadership from a leader that hears nobody', async () => {
    await withCluster({ proxied: true }, async (cluster) => {
      const proxy = cluster.proxy!;
      const deaf = await cluster.leader();
      const others = cluster.others(deaf);
      for (const other of others) proxy.cutOneWay(cluster.id(other), cluster.id(deaf));
      const leader = await cluster.leader(others);
      assert.equal((await cluster.ask(leader, 'SET', 'key', 'value')).text, 'OK');
      await until(
        async () => ((await cluster.status(deaf))?.role !== 'leader' ? true : null),
        () => `${deaf} to step down`,
      );
      proxy.heal();
      await cluster.caughtUp([deaf]);
      assert.equal(await textAt(cluster.client, 'key'), 'value');
    });
  });
});

function isolate(cluster: Cluster, name: string): void {
  for (const other of cluster.others(name)) cluster.proxy!.cut(cluster.id(name), cluster.id(other));
}

/** Each node dials each other one; if the proxy missed a link, no cut would be one. */
async function provesThatTheProxyKnowsEveryLink(cluster: Cluster, proxy: LinkProxy): Promise<void> {
  const ids = cluster.names.map((name) => cluster.id(name));
  const every = ids.flatMap((a) => ids.filter((b) => b !== a).map((b) => `${a}>${b}`));
  await until(
    () => (proxy.links.join() === every.join() ? true : null),
    () => `the links ${every.join()}; there are ${proxy.links.join()}`,
  );
}
