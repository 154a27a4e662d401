import { segmentIdOf } from '../../storage/segment.ts';
import type { SimServer } from '../server.ts';
import type { FaultWorld } from './fault.ts';

const SECTOR_BYTES = 512;
/** How often, and how many times, a disk is asked whether it writes. */
const LOOK_MS = 0.05;
const LOOKS_MAX = 200;

export function cutPower(world: FaultWorld, server: SimServer): void {
  if (!server.isUp) return;
  world.coverage.count(server.disk.hasUnsynced ? 'power cut on un-synced writes' : 'power cut');
  server.powerOff();
  world.restartLater(server);
}

/** Acts as soon as a batch of several sectors, which may tear, is written to the node's log and not
 *  synced, behind a step of the core that makes it write. If none comes soon, whatever it has written
 *  must do: and if that is nothing, a power cut would find nothing to lose. */
export function whileWriting(
  world: FaultWorld,
  server: SimServer,
  act: () => void,
  looks = LOOKS_MAX,
): void {
  const { disk, run } = server;
  const canTear = disk.longestUnsynced((name) => segmentIdOf(name) > 0) > SECTOR_BYTES;
  if (canTear || (looks === 0 && disk.hasUnsynced)) act();
  else if (looks > 0) {
    world.later(LOOK_MS, () => {
      if (server.isUp && server.run === run) whileWriting(world, server, act, looks - 1);
    });
  }
}
