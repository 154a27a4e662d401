import { byteString, bytesOf } from '../../base/bytes.ts';
import { parseInt64 } from '../../base/int64.ts';
import { bulk, integer, type Reply } from '../../kv/reply.ts';
import { invalidSlot, notAnInteger } from '../../protocol/errors.ts';
import { keySlot, SLOTS } from '../../protocol/slots.ts';
import * as view from '../cluster-view.ts';
import type { ConnectionHandler } from '../connection.ts';
import type { Deferred } from '../deferred.ts';
import type { NodeView } from '../status.ts';

// CLUSTER …: one shard with every slot, as Redis Cluster clients want to see it.

export const info: ConnectionHandler = (_connection, service) => view.clusterInfo(service.view);
export const nodes: ConnectionHandler = (_connection, service) => view.clusterNodes(service.view);
export const shards: ConnectionHandler = (_connection, service) => view.clusterShards(service.view);
export const slots: ConnectionHandler = (_connection, service) => view.clusterSlots(service.view);

export const myId: ConnectionHandler = (_connection, service) =>
  bulk(view.nodeName(service.view, service.view.self));

export const slotOfKey: ConnectionHandler = (_connection, _service, args) =>
  integer(keySlot(args[2]!));

export const countKeysInSlot: ConnectionHandler = (_connection, service, args) => {
  const slot = parseInt64(byteString(args[2]!));
  if (slot === null) return notAnInteger;
  if (slot < 0 || slot >= SLOTS) return invalidSlot;
  const count = new SlotCount(service.view, Number(slot));
  return count.proceed() ?? count;
};

/** A slice of the count: hashing a key takes less than a microsecond. */
const KEYS_PER_TURN = 4096;

/**
 * Slots are computed from keys, not stored, so counting is looking at every key: in their order,
 * some a turn, of what this node has applied. A key that is there from the beginning to the end is
 * counted once; one that comes or goes meanwhile may be counted or not.
 */
class SlotCount implements Deferred {
  readonly isWork = true;
  readonly wakeAtMs = Number.POSITIVE_INFINITY;
  private readonly view: NodeView;
  private readonly slot: number;
  private start = '';
  private count = 0;

  constructor(view: NodeView, slot: number) {
    this.view = view;
    this.slot = slot;
  }

  proceed(): Reply | null {
    let looked = 0;
    for (const key of this.view.keysFrom(this.start)) {
      if (keySlot(bytesOf(key)) === this.slot) this.count++;
      if (++looked === KEYS_PER_TURN) {
        this.start = `${key}\0`; // the smallest key above this one
        return null;
      }
    }
    return integer(this.count);
  }

  endWait(): void {}
}
