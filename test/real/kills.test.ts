import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Cluster, sleep, until, withCluster } from './cluster.ts';
import { Load, textAt } from './load.ts';

/** DKVS_KILLS=200 for a night. */
const KILLS = Number(process.env['DKVS_KILLS'] ?? 4);
/** Within this a node answers, whatever happens (README, guarantee 5). */
const ANSWER_MS = 2000;

describe('three processes', { timeout: 60_000 }, () => {
  it('lose and double nothing when the leader is killed again and again under load', async () => {
    await withCluster({}, async (cluster) => {
      const load = new Load(cluster, 8, 'kills');
      load.start();
      for (let i = 0; i < KILLS; i++) {
        const before = load.acknowledged;
        await until(
          () => (load.acknowledged > before + 50 ? true : null),
          () => `writes going on before kill ${i + 1}`,
        );
        const victim = await cluster.leader();
        await cluster.kill(victim);
        await cluster.leader(cluster.others(victim));
        await cluster.start(victim);
        await cluster.caughtUp([victim]);
      }
      await load.stop();
      await load.verify(cluster.client);
    });
  });

  it('keep what they acknowledged when all of them are killed at once', async () => {
    await withCluster({}, async (cluster) => {
      const load = new Load(cluster, 8, 'all');
      load.start();
      await until(
        () => (load.acknowledged > 500 ? true : null),
        () => '500 acknowledged writes',
      );
      await cluster.killAll();
      const stopped = load.stop();
      await Promise.all(cluster.names.map((name) => cluster.start(name)));
      await stopped;
      await cluster.caughtUp();
      await load.verify(cluster.client);
    });
  });

  it('elect another when the leader stands still, and take it back as a follower', async () => {
    await withCluster({}, async (cluster) => {
      const load = new Load(cluster, 2, 'frozen');
      load.start();
      const frozen = await cluster.leader();
      const term = (await cluster.status(frozen, 2000))!.term;
      const others = cluster.others(frozen);
      cluster.freeze(frozen);
      const frozenMs = performance.now();
      const leader = await cluster.leader(others);
      const electedMs = performance.now() - frozenMs;
      assert.ok(electedMs < 1000, `a new leader after ${Math.round(electedMs)} ms`);
      const before = load.acknowledged;
      await until(
        () => (load.acknowledged > before ? true : null),
        () => 'writes without the frozen one',
      );
      cluster.thaw(frozen);
      await cluster.caughtUp([frozen]);
      const back = (await cluster.status(frozen, 2000))!;
      const now = (await cluster.status(leader, 2000))!;
      assert.deepEqual([back.role, back.leader, back.term], ['follower', leader, now.term]);
      assert.ok(now.term > term);
      await load.stop();
      await load.verify(cluster.client);
    });
  });

  it('refuse within two seconds while a majority is down, and go on when one returns', async () => {
    await withCluster({}, async (cluster) => {
      const leader = await cluster.leader();
      const [first, second] = cluster.others(leader) as [string, string];
      await cluster.client.command(['SET', 'before', 'kept']);
      await Promise.all([cluster.kill(first), cluster.kill(second)]);

      // The leader still leads: it appends, and then nobody can tell.
      const answers = await Promise.all([
        cluster.ask(leader, 'SET', 'appended', 'x'),
        cluster.ask(leader, 'GET', 'before'),
      ]);
      for (const { text } of answers) assert.match(text, /^(UNKNOWN|CLUSTERDOWN) /);
      // It has noticed: nothing is appended any more.
      const later = await Promise.all([
        cluster.ask(leader, 'SET', 'refused', 'x'),
        cluster.ask(leader, 'GET', 'before'),
      ]);
      for (const { text } of later) assert.match(text, /^CLUSTERDOWN .*nothing was applied$/);
      for (const { afterMs } of [...answers, ...later]) {
        assert.ok(afterMs < ANSWER_MS, `answered after ${Math.round(afterMs)} ms`);
      }

      // A follower is left alone: it never led, so it has appended nothing.
      await cluster.start(first);
      await cluster.caughtUp([leader, first]);
      await loneFollowerRefuses(cluster);

      await cluster.start(second);
      assert.equal(await textAt(cluster.client, 'before'), 'kept');
      assert.equal(await textAt(cluster.client, 'refused'), null);
    });
  });
});

async function loneFollowerRefuses(cluster: Cluster): Promise<void> {
  const running = cluster.names.filter((name) => cluster.isRunning(name));
  const leader = await cluster.leader(running);
  const follower = running.find((name) => name !== leader)!;
  await cluster.kill(leader);
  // Long enough for it to ask for votes in vain.
  await sleep(50);
  const answers = await Promise.all([
    cluster.ask(follower, 'SET', 'refused', 'x'),
    cluster.ask(follower, 'GET', 'before'),
  ]);
  for (const { text, afterMs } of answers) {
    assert.match(text, /^CLUSTERDOWN .*nothing was applied$/);
    assert.ok(afterMs < ANSWER_MS, `answered after ${Math.round(afterMs)} ms`);
  }
}
