import type { Prng } from '../../base/prng.ts';
import { pick } from '../plan.ts';
import type { SimServer } from '../server.ts';
import { anyUp, duration, type Fault, type FaultWorld } from './fault.ts';
import type { FaultKind } from './kinds.ts';
import { cutPower, whileWriting } from './power.ts';

/** The steps of the core behind which a crash is most likely to find what is half done. */
const TRIGGERS = [
  'role',
  'term',
  'vote',
  'append',
  'truncate',
  'commit',
  'snapshot',
  'compact',
] as const;
const PAUSE_MAX_MS = 3000;
const CLOCK_MAX_MS = 8000;
const JUMP_MAX_MS = 5000;
const TRIGGER_MAX_MS = 4000;

function kill(world: FaultWorld, server: SimServer | null): void {
  if (server === null || !server.isUp) return;
  world.coverage.count('kill');
  server.kill();
  world.restartLater(server);
}

function pause(world: FaultWorld, random: Prng, server: SimServer | null): void {
  const process = server?.process;
  if (process === undefined || process === null || process.state !== 'running') return;
  world.coverage.count('pause');
  process.pause();
  world.later(duration(random, PAUSE_MAX_MS), () => process.resume());
}

/** Waits for one of the core's steps, not for ever. */
function when(
  world: FaultWorld,
  random: Prng,
  act: (server: SimServer) => void,
  kind = pick(random, TRIGGERS),
): void {
  const trigger = { kind, act };
  world.armed = trigger;
  world.later(TRIGGER_MAX_MS, () => {
    if (world.armed === trigger) world.armed = null;
  });
}

export const PROCESS_FAULTS = {
  kill: (world, random) => kill(world, anyUp(world, random)),
  'kill-all': (world) => {
    for (const server of world.servers) kill(world, server);
  },
  'kill-leader': (world) => kill(world, world.leader),
  'kill-when': (world, random) => when(world, random, (server) => kill(world, server)),
  stop: (world, random) => {
    const server = anyUp(world, random);
    if (server === null || server.isPaused) return;
    world.coverage.count('clean stop');
    server.stop();
    // It is started once it has ended: its supervisor sees to that.
  },
  // A disk is idle most of the time, and then a power cut finds nothing to tear.
  power: (world, random) => {
    const server = anyUp(world, random);
    if (server === null) return;
    const cutBusy = (busy: SimServer) => whileWriting(world, busy, () => cutPower(world, busy));
    if (random.chance(0.5)) cutPower(world, server);
    else when(world, random, cutBusy, 'append');
  },
  'power-when': (world, random) => when(world, random, (server) => cutPower(world, server)),
  'power-at-operation': (world, random) => {
    const server = anyUp(world, random);
    if (server === null) return;
    world.coverage.count('power cut at an operation of the disk');
    server.disk.cutPowerAt = server.disk.operations + 1 + random.below(30);
    // Half of the time, in the middle of a start.
    if (random.chance(0.5)) kill(world, server);
  },
  blackout: (world) => {
    world.coverage.count('blackout');
    for (const server of world.servers) cutPower(world, server);
  },
  pause: (world, random) => pause(world, random, anyUp(world, random)),
  'pause-leader': (world, random) => pause(world, random, world.leader),
  'clock-rate': (world, random) => {
    const server = pick(random, world.servers);
    const before = server.clockRate;
    const setRate = (rate: number) => {
      server.clockRate = rate;
      server.clock?.setRate(rate);
    };
    world.coverage.count('clock at another rate');
    setRate(pick(random, [0.5, 0.8, 1.25, 2]));
    world.later(duration(random, CLOCK_MAX_MS), () => setRate(before));
  },
  'clock-jump': (world, random) => {
    const server = anyUp(world, random);
    if (server === null) return;
    world.coverage.count('clock jump');
    server.clock?.jump(duration(random, JUMP_MAX_MS));
  },
} satisfies Partial<Record<FaultKind, Fault>>;
