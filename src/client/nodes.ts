import { type Address, formatAddress } from './address.ts';
import { Connection } from './connection.ts';
import type { Transport } from './transport.ts';

/** More nodes than any cluster has: redirects can't make the list grow without bound. */
const NODES_MAX = 32;
/** A connection that owed an answer for this long is replaced: TCP may be backing off behind a
 *  partition that has healed. */
const REPLACE_AFTER_MS = 1000;

interface Node {
  readonly address: Address;
  connection: Connection | null;
}

/** The nodes the client knows, one connection each, and who led when it last heard. */
export class Nodes {
  private readonly transport: Transport;
  private readonly silentAfterMs: number;
  private readonly byName: Map<string, Node> = new Map();
  private readonly connections: Set<Connection> = new Set();
  private leader: string | null = null;

  /** @param silentAfterMs a node that owes an answer for longer gets no new commands. */
  constructor(transport: Transport, silentAfterMs: number, seeds: readonly Address[]) {
    this.transport = transport;
    this.silentAfterMs = silentAfterMs;
    for (const address of seeds) this.add(address);
  }

  /** Whom to ask next: the leader, else the first node that is not in `tried`, else null. */
  choose(tried: ReadonlySet<string>): Address | null {
    const leader = this.leader === null ? undefined : this.byName.get(this.leader);
    if (leader !== undefined && !tried.has(this.leader!)) return leader.address;
    for (const [name, node] of this.byName) if (!tried.has(name)) return node.address;
    return null;
  }

  learnLeader(address: Address): void {
    if (this.add(address)) this.leader = formatAddress(address);
  }

  /** `address` led no more, or can't be reached, when it was last asked. */
  doubtLeader(address: Address): void {
    if (this.leader === formatAddress(address)) this.leader = null;
  }

  /** A connection that takes commands; null while the node owes answers and is silent. */
  connectionTo(address: Address): Connection | null {
    this.add(address);
    const node = this.byName.get(formatAddress(address));
    if (node === undefined) return null;
    const silentMs = node.connection?.silentMs() ?? 0;
    if (silentMs > REPLACE_AFTER_MS) {
      node.connection?.retire();
      node.connection = null;
    } else if (silentMs > this.silentAfterMs) {
      return null;
    }
    node.connection ??= this.open(node);
    return node.connection;
  }

  destroy(reason: string): void {
    for (const connection of this.connections) connection.destroy(reason);
  }

  private add(address: Address): boolean {
    const name = formatAddress(address);
    if (this.byName.has(name)) return true;
    if (this.byName.size >= NODES_MAX) return false;
    this.byName.set(name, { address, connection: null });
    return true;
  }

  private open(node: Node): Connection {
    const connection: Connection = new Connection(this.transport, node.address, () => {
      this.connections.delete(connection);
      if (node.connection === connection) node.connection = null;
    });
    this.connections.add(connection);
    return connection;
  }
}
