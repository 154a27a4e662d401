import assert from 'node:assert/strict';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { type Attack, attacks, Crowd } from '../../bench/attacks.ts';
import type { LoopDelay } from '../../bench/loop-delay.ts';
import { Prng } from '../../src/base/prng.ts';
import { encodeChallenge, encodeHandshake, FrameEncoder } from '../../src/protocol/frames.ts';
import { encodeRequest } from '../../src/protocol/request-writer.ts';
import { Cluster, DKVS, sleep } from '../real/cluster.ts';
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
  /** Requests of the client that behaves well. */
  readonly requests: number;
  /** What was not as it should be: answers, terms, leaders. */
  readonly troubles: readonly string[];
  /** The most processor time that an event loop took without a pause, of any node. */
  readonly busyMaxMs: number;
  /** The machine did not let a node run for an election timeout: then an election is its doing. */
  readonly isStarved: boolean;
}

/** Options of a cluster whose nodes say for how long their event loops are held up. */
export const watched = {
  program: () =>
    [
      process.execPath,
      '--import',
      new URL('../../bench/loop-delay.js', import.meta.url).href,
      DKVS[1],
    ] as const,
};

/**
 * Three nodes, attacked in every way at once, up to `few` connections each, while another client sets and
 * gets.
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
  const troubles: string[] = [];
  let requestsMade = 0;
  const endMs = performance.now() + ms;
  for (let i = 1; performance.now() < endMs; i++) {
    for (const [command, expected] of [
      [['SET', `k${i % 10}`, `v${i}`], 'OK'],
      [['GET', `k${i % 10}`], `"v${i}"`],
      [['INCR', 'counter'], `${i}`],
    ] as const) {
      const { text } = await cluster.ask(leader, ...command);
      if (text !== expected) troubles.push(`${command.join(' ')}: ${text}`);
      requestsMade++;
    }
  }
  const now = await cluster.status(leader, 2000);
  if (now?.term !== term) troubles.push(`an election: ${now?.role} in term ${now?.term}`);
  for (const crowd of crowds) crowd.end();
  for (const name of cluster.names) {
    assert.ok(cluster.isRunning(name), `${name} has ended; it said\n${cluster.log(name)}`);
  }
  const opened = crowds.reduce((sum, crowd) => sum + crowd.opened, 0);
  return { opened, requests: requestsMade, troubles, ...(await loopsOf(cluster)) };
}

/** @throws when something was wrong that the machine is not to blame for. */
export function judge({ troubles, busyMaxMs, isStarved }: LiveRun, seed: number): void {
  assert.ok(busyMaxMs < BUSY_MAX_MS, `a loop was busy for ${busyMaxMs} ms, seed ${seed}`);
  if (!isStarved) assert.deepEqual(troubles, [], `seed ${seed}`);
}

/** The shortest election timeout. */
const ELECTION_MS = 300;
/** Far enough below it. */
const BUSY_MAX_MS = 250;

async function loopsOf(cluster: Cluster): Promise<{ busyMaxMs: number; isStarved: boolean }> {
  await sleep(1100); // each node says it once a second
  const lines = cluster.names.flatMap((name) => cluster.logs.get(name) ?? []);
  const delays = lines
    .filter((line) => line.includes('loopDelayMaxMs'))
    .map((line) => JSON.parse(line) as LoopDelay);
  assert.ok(delays.length >= 3, 'every node is watched');
  return {
    busyMaxMs: Math.max(...delays.map((delay) => delay.loopRanMaxMs)),
    isStarved: delays.some(
      ({ loopDelayMaxMs, loopRanMaxMs }) =>
        loopDelayMaxMs >= ELECTION_MS && loopRanMaxMs < loopDelayMaxMs / 2,
    ),
  };
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
    const cluster = await Cluster.start(watched);
    try {
      const run = await attackLive(cluster, { seed, ms: 10_000 });
      const { opened, requests: made, busyMaxMs, isStarved, troubles } = run;
      const machine = isStarved ? `; starved by the machine, ${troubles.length} troubles` : '';
      process.stdout.write(
        `seed ${seed}: ${opened} connections, ${made} requests, busy ${busyMaxMs} ms${machine}\n`,
      );
      judge(run, seed);
    } finally {
      await cluster.close();
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
