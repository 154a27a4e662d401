import type { Prng } from '../../base/prng.ts';
import type { DiskOperation } from '../disk.ts';
import { pick } from '../plan.ts';
import type { SimServer } from '../server.ts';
import {
  type Damage,
  lostWrite,
  misdirectedWrite,
  rotLog,
  rotSlot,
  rotSnapshot,
} from './damage.ts';
import { durableState, isEstablished, stateIn } from './durable-state.ts';
import { anyUp, duration, type Fault, type FaultWorld } from './fault.ts';
import type { FaultKind } from './kinds.ts';

const SECTOR_BYTES = 512;
const SLOW_MAX_MS = 8000;
const HANG_MAX_MS = 5000;
const FULL_MAX_MS = 8000;
const ERRORS_MAX_MS = 3000;
const COPY_AGE_MAX_MS = 6000;

/** Damages the log, if the atlas lets it. */
function damageLog(
  world: FaultWorld,
  random: Prng,
  what: (server: SimServer, random: Prng) => Damage | null,
): void {
  const server = pick(random, world.servers);
  const damage = what(server, random);
  if (damage === null || !world.atlas.claim(server)) return;
  server.damage.log = true;
  inflict(world, server, damage);
  // Nobody reads it before the node starts again, unless it has to feed a laggard.
  if (server.isUp && random.chance(0.5)) {
    server.kill();
    world.restartLater(server);
  }
}

export function inflict(world: FaultWorld, server: SimServer, damage: Damage): void {
  world.coverage.count(damage.what);
  world.observer.damaged(server, damage);
  server.disk.damage(damage.path, damage.offset, damage.bytes);
}

function failFor(
  world: FaultWorld,
  random: Prng,
  server: SimServer,
  which: readonly DiskOperation[],
): void {
  const chance = pick(random, [0.02, 0.1]);
  const own = random.fork();
  const faults = {
    errorOf: (operation: DiskOperation) => {
      if (!which.includes(operation) || !own.chance(chance)) return null;
      world.coverage.count(`disk error: ${operation}`);
      server.erred = true;
      if (operation === 'read' && !server.damage.log) {
        // What can't be read is as good as rotten: the node may cut it off.
        server.damage.log = true;
        world.observer.damaged(server, { what: 'unreadable', path: '', offset: 0, length: 0 });
      }
      return 'EIO';
    },
    // The kernel copies a write page by page: what it leaves undone begins with a sector.
    partOf: (length: number) => own.below(Math.floor(length / SECTOR_BYTES) + 1) * SECTOR_BYTES,
  };
  server.disk.faults = faults;
  world.later(duration(random, ERRORS_MAX_MS), () => {
    if (server.disk.faults === faults) server.disk.faults = null;
  });
}

/** Whether all others know the current start of this node's directory: only then can they tell that
 *  an older copy of it is one (docs/storage.md, "What can't be told"). */
function isKnownToAll(world: FaultWorld, server: SimServer): boolean {
  const own = durableState(server);
  if (own === null) return false;
  return world.servers.every((other) => {
    if (other === server) return true;
    const binding = durableState(other)?.bindings.find(({ nodeId }) => nodeId === server.id);
    return binding !== undefined && binding.incarnation >= own.incarnation;
  });
}

/** Who forgets comes back no more. So all others must be able to do without it: who is still at its
 *  first start needs nearly everybody (docs/admission.md). */
function mayForget(world: FaultWorld, server: SimServer): boolean {
  const others = world.servers.filter((other) => other !== server);
  return others.every(isEstablished) && world.atlas.claimForgetting(server);
}

/** What it had promised is forgotten: it may never serve again under its name. */
function replaceDirectory(
  world: FaultWorld,
  server: SimServer,
  what: 'wiped' | 'restored',
  image: ReadonlyMap<string, Uint8Array>,
): void {
  if (server.isUp) server.kill();
  server.damage.lost = true;
  world.coverage.count(what);
  world.observer.damaged(server, { what, path: '', offset: 0, length: 0 });
  server.disk.replace(image);
  world.restartLater(server);
}

export const DISK_FAULTS = {
  'disk-slow': (world, random) => {
    const server = pick(random, world.servers);
    const before = server.usualDiskDelay;
    world.coverage.count('slow disk');
    server.diskDelay = { minMs: 5, maxMs: 60, longChance: 0.1, longMs: 1000 };
    world.later(duration(random, SLOW_MAX_MS), () => {
      server.diskDelay = before;
    });
  },
  'disk-hang': (world, random) => {
    const server = random.chance(0.5) ? world.leader : anyUp(world, random);
    if (server === null) return;
    world.coverage.count('hung disk');
    server.diskHangsUntilMs = world.scheduler.nowMs + HANG_MAX_MS * random.float();
  },
  'disk-full': (world, random) => {
    const server = pick(random, world.servers);
    server.disk.capacityBytes = server.disk.usedBytes + random.below(20_000);
    world.later(duration(random, FULL_MAX_MS), () => {
      server.disk.capacityBytes = Number.POSITIVE_INFINITY;
    });
  },
  'disk-errors': (world, random) => {
    const server = pick(random, world.servers);
    // What can't be read at a start passes for rot: it may make the node a suspect.
    const reads = world.atlas.claim(server) ? (['read'] as const) : [];
    failFor(world, random, server, [...reads, 'write', 'create', 'rename']);
  },
  'sync-error': (world, random) => failFor(world, random, pick(random, world.servers), ['sync']),
  'rot-log': (world, random) => damageLog(world, random, rotLog),
  'lost-write': (world, random) => damageLog(world, random, lostWrite),
  'misdirected-write': (world, random) => damageLog(world, random, misdirectedWrite),
  'rot-snapshot': (world, random) => damageLog(world, random, rotSnapshot),
  'rot-slot': (world, random) => {
    const server = pick(random, world.servers);
    const damage = rotSlot(server, random);
    // Where anything goes, not the second one either before the first was mended: that would be to lose
    // a promise, and no node can tell that while it runs.
    const hasOne = world.atlas.isHarmed(server) && server.damage.hardState;
    if (damage === null || hasOne || !world.atlas.claim(server)) return;
    server.damage.hardState = true;
    inflict(world, server, damage);
  },
  wipe: (world, random) => {
    const server = pick(random, world.servers);
    if (mayForget(world, server)) replaceDirectory(world, server, 'wiped', new Map());
  },
  restore: (world, random) => {
    const server = pick(random, world.servers);
    if (server.isUp) server.kill();
    const copy = server.disk.image();
    world.restartLater(server);
    world.later(1000 + COPY_AGE_MAX_MS * random.float(), () => {
      const then = stateIn((name) => copy.get(name) ?? null)?.incarnation ?? 0;
      const now = durableState(server)?.incarnation ?? 0;
      if (then === 0 || then === now || !isKnownToAll(world, server)) return;
      if (mayForget(world, server)) replaceDirectory(world, server, 'restored', copy);
    });
  },
} satisfies Partial<Record<FaultKind, Fault>>;
