import { Arena } from '../base/arena.ts';
import type { Limits } from '../base/limits.ts';
import { ClientConnection, type ClientService } from './client-connection.ts';
import type { Clock } from './clock.ts';
import type { ClientStats } from './connection.ts';
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

/** What one turn of the loop parses at the most, so that peers are never starved by clients. */
const COMMANDS_PER_TURN = 4096;

/** All the clients of one node: it listens, counts, and lets each have its share of a turn. */
export class Clients implements ClientService {
  readonly limits: Limits;
  readonly view: NodeView;
  readonly records = new Arena();
  readonly forwards: boolean;
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
  private listener: Listener | null = null;
  private budget = COMMANDS_PER_TURN;
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
    this.nowMs = options.clock.now();
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
    if (this.connections.size >= this.limits.clientsMax) {
      this.stats.refused++;
      connection.refuse();
    } else {
      this.stats.accepted++;
      this.connections.add(connection);
    }
    return connection;
  }

  stopListening(): void {
    this.listener?.close();
  }

  close(): void {
    this.stopListening();
    for (const connection of this.connections) connection.finish();
    this.flush();
  }

  /** A turn begins: a new budget, and the input that waited for it, in its order. */
  beginTurn(): void {
    this.nowMs = this.options.clock.now();
    this.budget = COMMANDS_PER_TURN;
    if (this.toProcess.length === 0) return;
    const waiting = this.toProcess;
    this.toProcess = [];
    for (const connection of waiting) connection.process();
  }

  /** When a reply that waits for something wants a turn at the latest. */
  get nextDeadlineMs(): number {
    return this.deferred.wakeAtMs;
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
    if (this.budget < commands) return false;
    this.budget -= commands;
    return true;
  }

  defer(connection: ClientConnection): void {
    this.deferred.add(connection);
    this.options.askForTurn();
  }

  closed(connection: ClientConnection): void {
    if (this.connections.delete(connection)) this.stats.commandsOfGone += connection.commands;
  }
}
