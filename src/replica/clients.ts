import { Arena } from '../base/arena.ts';
import type { Limits } from '../base/limits.ts';
import { Backups } from './backups.ts';
import { ClientConnection, type ClientService } from './client-connection.ts';
import { ClientGate } from './client-gate.ts';
import type { Clock } from './clock.ts';
import type { ClientStats, Connection } from './connection.ts';
import { DeferredReplies } from './deferred.ts';
import type { Address, Listener, Network, Stream } from './network.ts';
import type { Request } from './request.ts';
import type { Router } from './router.ts';
import type { NodeView } from './status.ts';

export interface ClientsOptions {
  readonly network: Network;
  readonly limits: Limits;
  readonly view: NodeView;
  readonly router: Router;
  readonly clock: Clock;
  readonly askForTurn: () => void;
}

/** What one turn of the loop parses at the most, and how long, so that peers are never starved by
 *  clients. The time is looked at after so many commands. */
const COMMANDS_PER_TURN = 4096;
const TURN_MS = 10;
const COMMANDS_A_LOOK = 32;
const NEVER = Number.NEGATIVE_INFINITY;

/** All the clients of one node: it listens, counts, and lets each have its share of a turn. */
export class Clients implements ClientService {
  readonly limits: Limits;
  readonly view: NodeView;
  readonly records = new Arena();
  readonly forwards: boolean;
  readonly backups: Backups<Connection>;
  private readonly options: ClientsOptions;
  readonly connections: Set<ClientConnection> = new Set();
  readonly stats: ClientStats = {
    accepted: 0,
    refused: 0,
    commandsOfGone: 0,
    inputBytes: 0,
    outputBytes: 0,
  };
  private readonly deferred = new DeferredReplies<ClientConnection>();
  private readonly gate: ClientGate;
  private listener: Listener | null = null;
  private budget = COMMANDS_PER_TURN;
  /** Where the budget is when the time is looked at next. */
  private lookAt = COMMANDS_PER_TURN;
  private spendingSinceMs = NEVER;
  private nowMs = 0;
  private lastId = 0;
  /** Connections with output, and those whose input waits for a later turn. */
  private toFlush: ClientConnection[] = [];
  private toProcess: ClientConnection[] = [];

  constructor(options: ClientsOptions) {
    this.options = options;
    this.limits = options.limits;
    this.view = options.view;
    this.forwards = options.router.forwards;
    const { snapshotChunkBytesMax } = options.limits;
    this.backups = new Backups(options.view, snapshotChunkBytesMax, options.askForTurn);
    this.nowMs = options.clock.now();
    this.gate = new ClientGate(options.limits, options.clock);
  }

  get count(): number {
    return this.connections.size;
  }

  get address(): Address {
    return this.listener!.address;
  }

  listen(address: Address, done: (error: string | null) => void): void {
    this.listener = this.options.network.listen(
      address,
      (stream, remote) => this.accept(stream, remote),
      done,
    );
  }

  private accept(stream: Stream, remote: Address): ClientConnection {
    this.lastId++;
    const connection = new ClientConnection(stream, this, this.lastId, remote);
    if (this.gate.hasRoom(this.connections.size)) {
      this.stats.accepted++;
      this.connections.add(connection);
      this.gate.entered(connection);
      return connection;
    }
    this.stats.refused++;
    if (this.gate.mayRefuse) connection.refuse();
    else connection.shed();
    return connection;
  }

  stopListening(): void {
    this.listener?.close();
  }

  close(): void {
    this.stopListening();
    for (const connection of this.connections) connection.finish();
    this.flush();
    this.gate.close();
  }

  /** A turn begins: a new budget, and the input that waited for it, in its order. */
  beginTurn(): void {
    this.nowMs = this.options.clock.now();
    this.budget = COMMANDS_PER_TURN;
    this.lookAt = COMMANDS_PER_TURN - COMMANDS_A_LOOK;
    this.spendingSinceMs = NEVER;
    this.backups.expire(this.nowMs);
    if (this.toProcess.length === 0) return;
    const waiting = this.toProcess;
    this.toProcess = [];
    for (const connection of waiting) connection.process();
  }

  /** Some reply waits for whatever may come: each turn looks after it. */
  get hasDeferred(): boolean {
    return this.deferred.length > 0;
  }

  /** When a reply that waits for something, or a backup that nobody reads, wants a turn at the latest. */
  get nextDeadlineMs(): number {
    return Math.min(this.deferred.wakeAtMs, this.backups.nextDeadlineMs);
  }

  /** One write for each connection that has something to say. */
  flush(): void {
    if (this.deferred.proceed(this.nowMs)) this.options.askForTurn();
    while (this.toFlush.length > 0) {
      const ready = this.toFlush;
      this.toFlush = [];
      for (const connection of ready) connection.flush();
    }
  }

  now(): number {
    return this.nowMs;
  }

  received(bytes: number): number {
    this.stats.inputBytes += bytes;
    this.nowMs = this.options.clock.now();
    return this.nowMs;
  }

  submit(request: Request): void {
    this.options.router.submit(request);
    this.options.askForTurn();
  }

  flushLater(connection: ClientConnection): void {
    this.toFlush.push(connection);
    this.options.askForTurn();
  }

  processLater(connection: ClientConnection): void {
    this.toProcess.push(connection);
    this.options.askForTurn();
  }

  spend(commands: number): boolean {
    if (this.budget <= 0) return false;
    this.budget -= commands;
    if (this.budget < this.lookAt) {
      this.lookAt = this.budget - COMMANDS_A_LOOK;
      const nowMs = this.options.clock.now();
      // Not since the turn began: that may have been long ago, and then nothing to do.
      if (this.spendingSinceMs === NEVER) this.spendingSinceMs = nowMs;
      else if (nowMs - this.spendingSinceMs > TURN_MS) this.budget = 0;
    }
    return true;
  }

  defer(connection: ClientConnection): void {
    this.deferred.add(connection);
    this.options.askForTurn();
  }

  closed(connection: ClientConnection): void {
    if (this.connections.delete(connection)) this.stats.commandsOfGone += connection.commands;
    this.gate.left(connection);
    this.backups.letGo(connection);
  }

  charge(connection: ClientConnection, bytes: number): void {
    this.gate.charge(connection, bytes);
  }

  spoke(connection: ClientConnection): void {
    this.gate.spoke(connection);
  }

  ended(connection: ClientConnection): void {
    this.gate.ended(connection);
  }
}
