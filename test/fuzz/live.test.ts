import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { encodeHandshake, FrameEncoder } from '../../src/protocol/frames.ts';
import { type Cluster, DKVS, sleep, until, withCluster } from '../real/cluster.ts';
import { attackLive, judge, watched } from './live.ts';
import { coup, introduction } from './peer-sample.ts';

const SECRET = 'a secret of sixteen or more';
const LIMITED = ['sh', '-c', 'ulimit -n 380; exec "$0" "$@"', ...DKVS] as const;

let secretFile = '';
const withSecret = {
  ...watched,
  prepare: (directory: string) => {
    secretFile = join(directory, 'secret');
    writeFileSync(secretFile, SECRET);
  },
  flags: () => [`--peer-secret-file=${secretFile}`],
};

/** CPU time of a process so far, in clock ticks of 10 ms. */
async function cpuTicks(cluster: Cluster, name: string): Promise<number> {
  const { readFile } = await import('node:fs/promises');
  const fields = (await readFile(`/proc/${cluster.pid(name)}/stat`, 'latin1')).split(') ')[1]!;
  const [user, system] = fields.split(' ').slice(11, 13);
  return Number(user) + Number(system);
}

const REFUSED = '-ERR max number of clients reached\r\n';

function firstWords(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', reject);
    socket.once('data', (chunk) => {
      socket.destroy();
      resolve(chunk.toString());
    });
    socket.write('PING\r\n');
  });
}

describe('a live cluster under attack', { timeout: 60_000 }, () => {
  it('answers another client right, believes no stranger, and holds no election', async () => {
    await withCluster(withSecret, async (cluster) => {
      for (const name of cluster.names) {
        const socket = connect(cluster.member(name).peerPort, '127.0.0.1');
        socket.on('error', () => {});
        socket.write(encodeHandshake({ kind: 'Hello', introduction }));
        socket.write(new FrameEncoder().encode(coup));
        await until(
          () => (cluster.log(name).includes('asks its peers for proof of a secret') ? true : null),
          () => `a line in the log of ${name}`,
        );
        socket.destroy();
      }
      const run = await attackLive(cluster, { seed: 7, ms: 2000, few: 8 });
      assert.ok(run.opened > 100 && run.requests >= 3, JSON.stringify(run));
      judge(run, 7);
      for (const name of cluster.names) assert.ok(!cluster.log(name).includes(SECRET));
    });
  });

  it('lacks no descriptor in a crowd: peers come back, files are opened, and it does not spin', async () => {
    // 380 open files, 320 of them not for clients.
    const crowded: ReturnType<typeof connect>[] = [];
    await withCluster({ program: () => LIMITED }, async (cluster) => {
      const leader = await cluster.leader();
      const [follower] = cluster.others(leader) as [string];
      assert.match(cluster.log(leader), /takes 60 clients at a time, not 10000/);
      for (let i = 0; i < 600; i++) {
        const socket = connect(cluster.member(leader).port, '127.0.0.1');
        socket.on('error', () => {});
        socket.resume().write('PING\r\n');
        crowded.push(socket);
      }
      await sleep(300);
      const before = await cpuTicks(cluster, leader);
      await cluster.kill(follower);
      await cluster.start(follower);
      await sleep(700);
      const busy = (await cpuTicks(cluster, leader)) - before;
      assert.ok(busy < 70, `${busy * 10} ms of CPU time in more than a second`);
      assert.equal(await firstWords(cluster.member(leader).port), REFUSED);
      assert.equal((await cluster.ask(leader, 'PING')).text, 'PONG', 'who is in stays in');
      for (const socket of crowded) socket.resetAndDestroy();
      await until(
        async () => ((await cluster.ask(leader, 'SET', 'k', 'v')).text === 'OK' ? true : null),
        () => 'a place',
      );
      await cluster.caughtUp();
      assert.equal((await cluster.status(leader, 2000))?.role, 'leader');
    });
  });
});
