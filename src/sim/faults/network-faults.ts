import type { Prng } from '../../base/prng.ts';
import { pick } from '../plan.ts';
import type { SimServer } from '../server.ts';
import type { Fault, FaultWorld } from './fault.ts';
import type { FaultKind } from './kinds.ts';

const PARTITION_MAX_MS = 8000;
const CLOG_MAX_MS = 5000;
const REFUSE_MAX_MS = 2000;

type Pair = readonly [from: string, to: string];

/** Cuts each pair one way, until some time later. */
function cut(world: FaultWorld, random: Prng, what: string, pairs: readonly Pair[]): void {
  world.coverage.count(what);
  for (const [from, to] of pairs) world.network.cutOneWay(from, to);
  const lastsMs = (random.chance(0.3) ? 1 : 0.25) * PARTITION_MAX_MS * random.float();
  world.later(lastsMs, () => {
    for (const [from, to] of pairs) world.network.healOneWay(from, to);
  });
}

const both = (a: string, b: string): readonly Pair[] => [
  [a, b],
  [b, a],
];

const hostOf = (server: SimServer): string => server.member.host;

function isolate(world: FaultWorld, random: Prng, server: SimServer): void {
  const others = world.servers.filter((other) => other !== server).map(hostOf);
  // Its clients may be on its side of the cut.
  const hosts = random.chance(0.5) ? [...others, ...world.clientHosts] : others;
  const pairs = hosts.flatMap((host) => both(hostOf(server), host));
  cut(world, random, 'isolation', pairs);
}

export const NETWORK_FAULTS = {
  isolate: (world, random) => isolate(world, random, pick(random, world.servers)),
  'isolate-leader': (world, random) => {
    if (world.leader !== null) isolate(world, random, world.leader);
  },
  split: (world, random) => {
    const left = world.servers.filter(() => random.chance(0.5)).map(hostOf);
    const right = world.servers.map(hostOf).filter((host) => !left.includes(host));
    const pairs = left.flatMap((a) => right.flatMap((b) => both(a, b)));
    cut(world, random, 'split', pairs);
  },
  // Two halves that only one node, in both of them, connects.
  bridge: (world, random) => {
    const bridge = pick(random, world.servers);
    const others = world.servers.filter((server) => server !== bridge).map(hostOf);
    const left = others.filter(() => random.chance(0.5));
    const right = others.filter((host) => !left.includes(host));
    const pairs = left.flatMap((a) => right.flatMap((b) => both(a, b)));
    cut(world, random, 'bridge', pairs);
  },
  'one-way': (world, random) => {
    const from = hostOf(pick(random, world.servers));
    const others = world.servers.map(hostOf).filter((host) => host !== from);
    const to = others.filter(() => random.chance(0.5));
    const outward = random.chance(0.5);
    const pairs = to.map((host): Pair => (outward ? [from, host] : [host, from]));
    cut(world, random, 'one-way cut', pairs);
  },
  'clients-cut': (world, random) => {
    const server = hostOf(pick(random, world.servers));
    const clients = world.clientHosts.filter(() => random.chance(0.7));
    const pairs = clients.flatMap((client) => both(server, client));
    cut(world, random, 'clients cut off', pairs);
  },
  clog: (world, random) => {
    world.coverage.count('clogged link');
    const from = hostOf(pick(random, world.servers));
    const untilMs = world.scheduler.nowMs + CLOG_MAX_MS * random.float();
    for (const server of world.servers) {
      if (random.chance(0.6)) world.network.clogOneWay(from, hostOf(server), untilMs);
    }
  },
  reset: (world, random) => {
    world.coverage.count('connections broken off');
    const from = hostOf(pick(random, world.servers));
    const chosen = () => random.chance(0.7);
    for (const server of world.servers) world.network.breakOff(from, hostOf(server), chosen);
    for (const client of world.clientHosts) world.network.breakOff(from, client, chosen);
  },
  refuse: (world, random) => {
    world.coverage.count('connections refused');
    const host = hostOf(pick(random, world.servers));
    world.network.refuse(host, world.scheduler.nowMs + REFUSE_MAX_MS * random.float());
    if (!random.chance(0.5)) return;
    for (const server of world.servers) world.network.breakOff(host, hostOf(server), () => true);
  },
} satisfies Partial<Record<FaultKind, Fault>>;
