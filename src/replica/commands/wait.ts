import { byteString } from '../../base/bytes.ts';
import type { Index } from '../../base/ids.ts';
import { parseInt64 } from '../../base/int64.ts';
import { integer, type Reply } from '../../kv/reply.ts';
import {
  negativeTimeout,
  notAnInteger,
  notATimeout,
  unblocked,
  waitOnReplica,
} from '../../protocol/errors.ts';
import { type ConnectionHandler, ELSEWHERE } from '../connection.ts';
import type { Deferred } from '../deferred.ts';
import type { NodeView } from '../status.ts';

/**
 * WAIT numreplicas timeout: how many *other* members are known to hold, durably, everything that
 * this connection has had appended here. An answered write is on a majority already, so of three
 * members one other holds it at once; to wait for more is to wait for the slowest.
 */
export const wait: ConnectionHandler = (connection, service, args) => {
  if (service.view.role !== 'leader') return waitOnReplica;
  const wanted = parseInt64(byteString(args[1]!));
  if (wanted === null) return notAnInteger;
  const timeoutMs = parseInt64(byteString(args[2]!));
  if (timeoutMs === null) return notATimeout;
  if (timeoutMs < 0) return negativeTimeout;
  const nowMs = service.now();
  const untilMs = timeoutMs === 0 ? Number.POSITIVE_INFINITY : nowMs + Number(timeoutMs);
  // What was forwarded to an earlier leader is in this log, since it was committed: nobody knows where.
  const index = connection.lastIndex < ELSEWHERE ? connection.lastIndex : service.view.lastIndex;
  const waiting = new Acknowledgements(service.view, index, Number(wanted), untilMs);
  return waiting.proceed(nowMs) ?? waiting;
};

class Acknowledgements implements Deferred {
  readonly isWork = false;
  wakeAtMs: number;
  private readonly view: NodeView;
  private readonly index: Index;
  private readonly wanted: number;

  constructor(view: NodeView, index: Index, wanted: number, untilMs: number) {
    this.view = view;
    this.index = index;
    this.wanted = wanted;
    this.wakeAtMs = untilMs;
  }

  /** Who leads no more does not know any more. */
  proceed(nowMs: number): Reply | null {
    if (this.view.role !== 'leader') return unblocked;
    const holders = this.view.othersHolding(this.index);
    return holders >= this.wanted || nowMs >= this.wakeAtMs ? integer(holders) : null;
  }

  endWait(): void {
    this.wakeAtMs = Number.NEGATIVE_INFINITY;
  }
}
