import type { Limits } from '../base/limits.ts';
import type { ClientConnection } from './client-connection.ts';
import type { Clock, Timer } from './clock.ts';

/** What is known of a connection that was ended and is still open. */
interface Ending {
  /** When it was looked at last. */
  seenMs: number;
  /** What it had not read then. */
  unsentBytes: number;
}

/**
 * Who may stay connected, and what all clients together may hold in memory. Whoever has said a command
 * is a client, and may be idle for as long as it likes; who has not is a stranger, and strangers make
 * room first: when all places are taken, the one that has been silent longest; when strangers hold
 * too much, the one that holds the most; at a deadline, each. Only when all clients hold too much
 * is one of them disconnected, the greediest. A connection that this side has ended is left
 * when the other side does not close it.
 */
export class ClientGate {
  private readonly limits: Limits;
  private readonly clock: Clock;
  /** When each came, the first first. */
  private readonly strangers = new Map<ClientConnection, number>();
  private readonly endings = new Map<ClientConnection, Ending>();
  /** What connections hold, by what they have said of it. */
  private readonly held = new Map<ClientConnection, number>();
  private heldBytes = 0;
  private strangersBytes = 0;
  private timer: Timer | null = null;

  constructor(limits: Limits, clock: Clock) {
    this.limits = limits;
    this.clock = clock;
  }

  /** Whether one more may be told that it may not come in. */
  get mayRefuse(): boolean {
    return this.endings.size < this.limits.clientRefusalsMax;
  }

  /** Whether there is room for one more beside `count`; a stranger may have had to make it. */
  hasRoom(count: number): boolean {
    if (count < this.limits.clientsMax) return true;
    for (const [oldest, sinceMs] of this.strangers) {
      if (this.clock.now() - sinceMs < this.limits.clientStrangerGraceMs) return false;
      oldest.shed();
      return true;
    }
    return false;
  }

  entered(connection: ClientConnection): void {
    this.strangers.set(connection, this.clock.now());
    this.lookLater();
  }

  /** It has said its first command. */
  spoke(connection: ClientConnection): void {
    if (!this.strangers.delete(connection)) return;
    this.strangersBytes -= this.held.get(connection) ?? 0;
  }

  /** This side will say no more. */
  ended(connection: ClientConnection): void {
    this.endings.set(connection, {
      seenMs: this.clock.now(),
      unsentBytes: connection.unsentBytes,
    });
    this.lookLater();
  }

  /** The connection holds this much now, of input that is no whole command yet and of output that was
   *  not read. May disconnect connections, this one too. */
  charge(connection: ClientConnection, bytes: number): void {
    const before = this.held.get(connection) ?? 0;
    if (bytes === before) return;
    if (bytes === 0) this.held.delete(connection);
    else this.held.set(connection, bytes);
    this.heldBytes += bytes - before;
    if (this.strangers.has(connection)) {
      this.strangersBytes += bytes - before;
      while (this.strangersBytes > this.limits.clientStrangersBytesMax) this.shedGreediest(true);
    }
    while (this.heldBytes > this.limits.clientsBytesMax) {
      this.shedGreediest(this.strangersBytes > 0);
    }
  }

  left(connection: ClientConnection): void {
    this.charge(connection, 0);
    this.strangers.delete(connection);
    this.endings.delete(connection);
  }

  close(): void {
    this.timer?.cancel();
  }

  private shedGreediest(isStranger: boolean): void {
    let greediest: ClientConnection | null = null;
    let most = 0;
    for (const [connection, bytes] of this.held) {
      if (bytes <= most || (isStranger && !this.strangers.has(connection))) continue;
      greediest = connection;
      most = bytes;
    }
    greediest!.shed();
  }

  /** One timer, and only while somebody has to be watched: coarse, since nothing hangs on the moment. */
  private lookLater(): void {
    if (this.timer !== null) return;
    const inMs = Math.min(this.limits.clientStrangerMs, this.limits.clientLingerMs) / 2;
    this.timer = this.clock.timer(this.clock.now() + inMs, () => {
      this.timer = null;
      this.look();
      if (this.strangers.size + this.endings.size > 0) this.lookLater();
    });
  }

  private look(): void {
    const nowMs = this.clock.now();
    for (const [connection, sinceMs] of this.strangers) {
      if (nowMs - sinceMs <= this.limits.clientStrangerMs) break;
      connection.shed();
    }
    for (const [connection, ending] of this.endings) {
      if (nowMs - ending.seenMs <= this.limits.clientLingerMs) continue;
      const { unsentBytes } = connection;
      // It still reads what was written before the end.
      if (unsentBytes < ending.unsentBytes) {
        ending.seenMs = nowMs;
        ending.unsentBytes = unsentBytes;
      } else {
        connection.shed();
      }
    }
  }
}
