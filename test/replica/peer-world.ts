import { writeU32 } from '../../src/base/bytes.ts';
import { incarnation, type NodeId, nodeId, term } from '../../src/base/ids.ts';
import { defaultLimits, type Limits } from '../../src/base/limits.ts';
import { Prng } from '../../src/base/prng.ts';
import { withStart } from '../../src/base/start-history.ts';
import type { PeerAuth } from '../../src/protocol/peer-proof.ts';
import type { Member } from '../../src/raft/configuration.ts';
import type { Message, TimeoutNow } from '../../src/raft/messages.ts';
import type { Clock } from '../../src/replica/clock.ts';
import type { Binding, IdentityBook, SelfIdentity } from '../../src/replica/identity.ts';
import type { Network } from '../../src/replica/network.ts';
import type { PeerEvents } from '../../src/replica/peer-context.ts';
import { Peers } from '../../src/replica/peers.ts';
import { SimClock } from '../../src/sim/clock.ts';
import { defaultPipeOptions, SimNetwork } from '../../src/sim/network.ts';
import type { PipeOptions } from '../../src/sim/pipe.ts';
import { SimProcess } from '../../src/sim/process.ts';
import { Scheduler } from '../../src/sim/scheduler.ts';

export const PEER_PORT = 17001;

/** What a data directory remembers of identities: it outlives processes. */
export class Directory {
  readonly id: Uint8Array;
  clusterId = new Uint8Array(16);
  starts = 0;
  startHistory: Uint8Array = new Uint8Array(0);
  /** Tells the starts of a copy from those of the original. */
  lineage = 0;
  admitted = true;
  /** Only what is admitted can be. */
  established = true;
  membersCrc = 1;
  bindings = new Map<NodeId, Binding>();

  constructor(fill: number) {
    this.id = new Uint8Array(16).fill(fill);
  }

  copy(): Directory {
    const copy = new Directory(0);
    copy.id.set(this.id);
    const lineage = this.lineage + 1;
    Object.assign(copy, { ...this, id: copy.id, bindings: new Map(this.bindings), lineage });
    return copy;
  }

  start(): void {
    this.starts++;
    const id = new Uint8Array(8).fill(this.lineage);
    writeU32(id, 0, this.starts);
    this.startHistory = withStart(this.startHistory, id);
  }
}

/** An IdentityBook over a Directory, whose disk takes its time. */
export class TestBook implements IdentityBook {
  private readonly member: Member;
  private readonly directory: Directory;
  private readonly clock: Clock;
  syncMs = 2;

  constructor(member: Member, directory: Directory, clock: Clock) {
    this.member = member;
    this.directory = directory;
    this.clock = clock;
  }

  self(): SelfIdentity {
    const { id, clusterId, starts, startHistory, admitted, established, membersCrc } =
      this.directory;
    return {
      nodeId: this.member.id,
      name: this.member.name,
      directoryId: id,
      clusterId,
      incarnation: incarnation(starts),
      startHistory,
      admitted,
      established: admitted && established,
      membersCrc,
    };
  }

  binding(peer: NodeId): Binding | null {
    return this.directory.bindings.get(peer) ?? null;
  }

  bind(binding: Binding, done: () => void): void {
    this.clock.timer(this.clock.now() + this.syncMs, () => {
      this.directory.bindings.set(binding.nodeId, binding);
      done();
    });
  }
}

/** Events, as lines to compare, and the messages. */
export class EventLog implements PeerEvents {
  lines: string[] = [];
  notices: string[] = [];
  messages: Message[] = [];

  onMessage(message: Message): void {
    this.messages.push(message);
  }

  onConnected(peer: NodeId, its: number): void {
    this.lines.push(`connected n${peer} start ${its}`);
  }

  onDisconnected(peer: NodeId): void {
    this.lines.push(`disconnected n${peer}`);
  }

  onProcessGone(peer: NodeId, its: number): void {
    this.lines.push(`gone n${peer} start ${its}`);
  }

  onAdmission(peer: NodeId, knowsMe: string): void {
    this.lines.push(`n${peer} knows me: ${knowsMe}`);
  }

  onDisowned(peer: NodeId): void {
    this.lines.push(`disowned by n${peer}`);
  }

  onRefused(peer: NodeId, code: string, text: string): void {
    this.lines.push(`refused n${peer} ${code}`);
    this.notices.push(text);
  }

  onNotice(peer: NodeId, text: string): void {
    this.notices.push(`n${peer}: ${text}`);
  }

  /** The lines since the last call. */
  take(): string[] {
    const { lines } = this;
    this.lines = [];
    return lines;
  }
}

export function members(count: number): Member[] {
  return Array.from({ length: count }, (_, i) => ({
    id: nodeId(i + 1),
    name: `n${i + 1}`,
    host: `host${i + 1}`,
    port: 7001,
    peerPort: PEER_PORT,
  }));
}

export interface PeersHost {
  readonly network: Network;
  readonly clock: Clock;
}

/** One process: Peers over a data directory. */
export function startPeers(
  host: PeersHost,
  member: Member,
  all: readonly Member[],
  directory: Directory,
  events: EventLog,
  limits: Limits = defaultLimits,
  secret: Uint8Array | null = null,
): Peers {
  directory.start();
  const nonces = new Prng(member.id * 7000 + directory.starts);
  const auth: PeerAuth | null = secret && { secret, nonce: () => nonces.bytes(32) };
  return new Peers({
    ...host,
    auth,
    random: new Prng(member.id * 1000 + directory.starts),
    limits,
    identity: new TestBook(member, directory, host.clock),
    members: all.filter(({ id }) => id !== member.id),
    events,
  });
}

/** A simulated host, the directory on its disk, and the process that runs there, if any. */
export class PeerNode {
  readonly member: Member;
  readonly events = new EventLog();
  secret: Uint8Array | null = null;
  directory: Directory;
  process: SimProcess;
  peers: Peers | null = null;
  private readonly world: PeerWorld;

  constructor(world: PeerWorld, member: Member) {
    this.world = world;
    this.member = member;
    this.directory = new Directory(0x10 + member.id);
    this.process = new SimProcess(world.scheduler);
  }

  start(all: readonly Member[] = this.world.members): Peers {
    const { scheduler, net } = this.world;
    this.process = new SimProcess(scheduler);
    const clock = new SimClock(scheduler, this.process);
    const host = { clock, network: net.attach(this.member.host, this.process) };
    const { member, directory, events, secret } = this;
    const peers = startPeers(host, member, all, directory, events, defaultLimits, secret);
    peers.start({ host: this.member.host, port: this.member.peerPort }, (error) => {
      if (error !== null) throw new Error(error);
    });
    this.peers = peers;
    return peers;
  }

  kill(): void {
    this.process.kill();
    this.world.net.resetAll(this.member.host);
    this.peers = null;
  }

  /** Sends something small that can be told from others by its term. */
  send(to: number, its: number): void {
    this.peers!.send(timeoutNow(this.member.id, nodeId(to), its));
  }
}

export const timeoutNow = (from: NodeId, to: NodeId, its: number): TimeoutNow => ({
  kind: 'TimeoutNow',
  from,
  to,
  term: term(its),
});

export class PeerWorld {
  readonly scheduler: Scheduler;
  readonly net: SimNetwork;
  readonly members: readonly Member[];
  readonly nodes: readonly PeerNode[];

  constructor(count: number, seed = 1, pipes: PipeOptions = defaultPipeOptions) {
    this.scheduler = new Scheduler(seed);
    this.net = new SimNetwork(this.scheduler, pipes);
    this.members = members(count);
    this.nodes = this.members.map((member) => new PeerNode(this, member));
  }

  node(id: number): PeerNode {
    return this.nodes[id - 1]!;
  }

  startAll(): void {
    for (const node of this.nodes) node.start();
  }

  run(ms: number): void {
    this.scheduler.run(this.scheduler.nowMs + ms);
  }

  /** Runs until `done` holds; tells how long that took, and fails after `withinMs`. */
  until(done: () => boolean, withinMs: number): number {
    const startMs = this.scheduler.nowMs;
    if (!this.scheduler.runUntil(done, startMs + withinMs)) {
      throw new Error(`not within ${withinMs} ms`);
    }
    return this.scheduler.nowMs - startMs;
  }

  get allOpen(): boolean {
    return this.nodes.every((node) =>
      this.members.every(({ id }) => id === node.member.id || node.peers?.isOpen(id) === true),
    );
  }
}
