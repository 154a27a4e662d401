import assert from 'node:assert/strict';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { type Attack, attacks, Crowd } from '../../bench/attacks.ts';
import { Prng } from '../../src/base/prng.ts';
import { encodeChallenge, encodeHandshake, FrameEncoder } from '../../src/protocol/frames.ts';
import { encodeRequest } from '../../src/protocol/request-writer.ts';
import { Cluster } from '../real/cluster.ts';
import { hostileBytes, stricter } from '../real/hostile-bytes.ts';
import { mutate } from './mutate.ts';
import { coup, introduction } from './peer-sample.ts';

const FEW = 25;

const texts = [...hostileBytes, ...stricter].map(([, text]) => Buffer.from(text, 'latin1'));
const requests = [
  ...texts,
  encodeRequest(['GET', 'fuzz']),
  encodeRequest(['SET', 'fuzz', 'x'.repeat(1000)]),
];
const frames = [
  encodeHandshake({ kind: 'Hello', introduction }),
  encodeChallenge(new Uint8Array(32)),
  new FrameEncoder().encode(coup),
];

/** Mutations of what is hostile already, in pieces, to either port. */
const fuzzers: readonly Attack[] = [
  {
    name: 'mutated requests',
    connections: FEW,
    open: (crowd) => {
      const { random } = crowd;
      const socket = crowd.dial({ reads: random.chance(0.8) });
      const say = () => {
        if (socket.destroyed) return;
        socket.write(mutate(requests[random.below(requests.length)]!, requests, random));
        crowd.later(random.below(40), random.chance(0.9) ? say : () => socket.end());
      };
      socket.on('end', () => socket.end());
      say();
      crowd.later(500 + random.below(1000), () => socket.resetAndDestroy());
    },
  },
  {
    name: 'mutated frames',
    connections: FEW,
    open: (crowd) => {
      const { random } = crowd;
      const socket = crowd.dial({ peer: true });
      socket.write(frames[random.below(frames.length)]!);
      socket.write(mutate(frames[random.below(frames.length)]!, frames, random));
      crowd.later(random.below(2000), () => socket.resetAndDestroy());
    },
  },
];

export interface LiveRun {
  /** Connections that the attackers opened. */
  readonly opened: number;
  /** Requests of the client that behaves well; all were answered as they should be. */
  readonly requests: number;
  /** The slowest of them. */
  readonly slowestMs: number;
}

/**
 * Three nodes, attacked in every way at once, up to `few` connections each, while another client sets and gets.
 * @throws when one of its replies is not what it should be, or a node's term has changed, or it ended.
 */
export async function attackLive(
  cluster: Cluster,
  { seed, ms, few = FEW }: { seed: number; ms: number; few?: number },
): Promise<LiveRun> {
  const random = new Prng(seed);
  const leader = await cluster.leader();
  const { term } = (await cluster.status(leader, 2000))!;
  const crowds = [...attacks, ...fuzzers].map((attack) => {
    // Most of it hits the leader: it has most to lose.
    const name = random.chance(0.7) ? leader : cluster.names[random.below(3)]!;
    const connections = Math.min(attack.connections, 2 + random.below(few));
    return new Crowd(attack, cluster.member(name), random.fork(), connections);
  });
  let asked = 0;
  let slowestMs = 0;
  const endMs = performance.now() + ms;
  try {
    for (let i = 1; performance.now() < endMs; i++) {
      for (const [command, expected] of [
        [['SET', `k${i % 10}`, `v${i}`], 'OK'],
        [['GET', `k${i % 10}`], `"v${i}"`],
        [['INCR', 'counter'], `${i}`],
      ] as const) {
        const { text, afterMs } = await cluster.ask(leader, ...command);
        assert.equal(text, expected, `${command.join(' ')}, seed ${seed}`);
        slowestMs = Math.max(slowestMs, afterMs);
        asked++;
      }
    }
    for (const name of cluster.names) {
      assert.ok(cluster.isRunning(name), `${name} runs; it said\n${cluster.log(name)}`);
    }
    const now = await cluster.status(leader, 2000);
    assert.deepEqual([now?.role, now?.term], ['leader', term], `no election, seed ${seed}`);
  } finally {
    for (const crowd of crowds) crowd.end();
  }
  const opened = crowds.reduce((sum, crowd) => sum + crowd.opened, 0);
  return { opened, requests: asked, slowestMs };
}

/** `node build/tests/fuzz/live.js [--seconds S] [--seed N]` */
async function main(): Promise<void> {
  const number = (name: string, fallback: number): number => {
    const at = process.argv.indexOf(`--${name}`);
    return at < 0 ? fallback : Number(process.argv[at + 1]);
  };
  const first = number('seed', 1);
  const endMs = performance.now() + number('seconds', 60) * 1000;
  for (let seed = first; performance.now() < endMs; seed++) {
    const cluster = await Cluster.start();
    try {
      const {
        opened,
        requests: asked,
        slowestMs,
      } = await attackLive(cluster, { seed, ms: 10_000 });
      const slowest = `the slowest in ${Math.round(slowestMs)} ms`;
      process.stdout.write(`seed ${seed}: ${opened} connections; ${asked} requests, ${slowest}\n`);
    } finally {
      await cluster.close();
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
