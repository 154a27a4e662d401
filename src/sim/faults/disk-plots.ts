import type { Prng } from '../../base/prng.ts';
import { pick } from '../plan.ts';
import type { SimServer } from '../server.ts';
import { rotLog, rotRecent } from './damage.ts';
import { inflict } from './disk-faults.ts';
import type { Fault, FaultWorld } from './fault.ts';
import type { DiskPlot } from './kinds.ts';
import { cutOff, healServers, isThis, once, PLOT_MAX_MS, rejoin } from './plot.ts';
import { cutPower, whileWriting } from './power.ts';

// Plots around disks: what rots, tears or hangs does so where it matters.

/** With so many entries a batch is longer than a sector, and can tear. */
const TORN_ENTRIES_MIN = 3;
/** Long enough for a leader to be sure that its disk is broken, whatever its clock. */
const HANG_MS = 4000;
/** For a follower to fall behind what its leader has in memory. */
const LAG_MS = 1500;
/** For its leader's log to be cut, too, behind the older of two snapshots. */
const AWAY_MS = 3000;
/** What a reset of the log, and the hard state before it, ask of a disk. */
const RESET_OPERATIONS = 14;

/** A batch of several entries is under way to a disk, and the power goes: on that node, or, as when a
 *  whole rack goes dark, on all of them. */
function tornBatch(world: FaultWorld, random: Prng): void {
  const everywhere = random.chance(0.3);
  const hasBatch = ({ raftState }: SimServer) =>
    raftState !== null &&
    raftState.log.lastIndex - raftState.durability.stableIndex >= TORN_ENTRIES_MIN;
  once(world, 'append', hasBatch, (server) => {
    whileWriting(world, server, () => {
      world.coverage.count('power cut under a batch');
      for (const each of everywhere ? world.servers : [server]) cutPower(world, each);
    });
  });
}

/**
 * A follower's log rots; and when it comes back, a suspect, the leader has just appended something,
 * and no other way to a majority than to count on it.
 */
function suspectAlone(world: FaultWorld, random: Prng): void {
  const { leader, servers } = world;
  const followers = servers.filter((server) => server !== leader && server.isUp);
  if (leader === null || followers.length === 0) return;
  const suspect = pick(random, followers);
  const damage = rotLog(suspect, random);
  if (damage === null || !world.atlas.claim(suspect)) return;
  suspect.damage.log = true;
  inflict(world, suspect, damage);
  suspect.kill();
  const others = followers.filter((server) => server !== suspect);
  // With these, the leader and the suspect, it is a majority, and with nobody less.
  const kept = others.slice(0, Math.floor(servers.length / 2) - 1);
  once(world, 'append', isThis(leader), () => {
    world.coverage.count('suspect needed for a majority');
    for (const other of others) if (!kept.includes(other)) cutOff(world, other);
    suspect.startLater(1);
  });
  world.later(PLOT_MAX_MS, () => {
    healServers(world);
    suspect.startLater(1);
  });
}

/** A follower falls so far behind that it has to be fed from the leader's disk; and there, where it
 *  has to read, the log has rotted, or holds what belongs elsewhere. */
function rottenFeed(world: FaultWorld, random: Prng): void {
  const { leader, servers } = world;
  const others = servers.filter((server) => server !== leader && server.isUp);
  if (leader === null || others.length === 0) return;
  const laggard = pick(random, others);
  cutOff(world, laggard);
  world.later(LAG_MS, () => {
    const damage = leader.isUp ? rotRecent(leader, random) : null;
    if (damage !== null && world.atlas.claim(leader)) {
      world.coverage.count('rot in what a laggard needs');
      leader.damage.log = true;
      inflict(world, leader, damage);
    }
    rejoin(world, laggard, []);
  });
}

/** The disk of whoever leads hangs; or those of all others, so that nothing is committed for long
 *  while the leader is heard and heeded. */
function hungDisks(world: FaultWorld, random: Prng): void {
  const { leader, scheduler, servers } = world;
  if (leader === null) return;
  const followersHang = random.chance(0.5);
  world.coverage.count(followersHang ? 'all followers’ disks hang' : 'the leader’s disk hangs');
  for (const server of servers) {
    if ((server !== leader) === followersHang) server.diskHangsUntilMs = scheduler.nowMs + HANG_MS;
  }
}

/** A leader is to stop, and whom it hands over to can't be reached any more. */
function stuckHandOver(world: FaultWorld): void {
  const { leader, network, servers } = world;
  const heir = servers.find((server) => server !== leader && server.isUp);
  if (leader === null || heir === undefined || leader.isPaused) return;
  world.coverage.count('heir cut off');
  network.cut(leader.member.host, heir.member.host);
  leader.stop();
  world.later(PLOT_MAX_MS, () => healServers(world));
}

/** A follower is away until it needs a snapshot; and the power goes while its log is being reset to it,
 *  at any operation of the disk from the rename of the file to the manifest. */
function installCutShort(world: FaultWorld, random: Prng): void {
  const followers = world.servers.filter((server) => server !== world.leader && server.isUp);
  if (world.leader === null || followers.length === 0) return;
  const laggard = pick(random, followers);
  cutOff(world, laggard);
  world.later(AWAY_MS, () => {
    rejoin(world, laggard, []);
    once(world, 'snapshot', isThis(laggard), ({ disk }) => {
      world.coverage.count('power cut under an install');
      disk.cutPowerAt = disk.operations + 1 + random.below(RESET_OPERATIONS);
    });
  });
}

export const DISK_PLOTS: Record<DiskPlot, Fault> = {
  'torn-batch': tornBatch,
  'suspect-alone': suspectAlone,
  'rotten-feed': rottenFeed,
  'hung-disks': hungDisks,
  'stuck-hand-over': stuckHandOver,
  'install-cut-short': installCutShort,
};
