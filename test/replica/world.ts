import { byteString } from '../../src/base/bytes.ts';
import { nodeId } from '../../src/base/ids.ts';
import { defaultLimits, type Limits } from '../../src/base/limits.ts';
import { NONCE_BYTES } from '../../src/protocol/peer-proof.ts';
import { encodeRequest } from '../../src/protocol/request-writer.ts';
import { RespReader, type RespValue } from '../../src/protocol/resp-reader.ts';
import type { Member } from '../../src/raft/configuration.ts';
import { defaultTiming } from '../../src/raft/timing.ts';
import type { TraceEvent } from '../../src/raft/trace.ts';
import type { Failure } from '../../src/replica/failure.ts';
import type { LogLine } from '../../src/replica/log-line.ts';
import type { Stream } from '../../src/replica/network.ts';
import type { FollowerMode } from '../../src/replica/options.ts';
import { Replica } from '../../src/replica/replica.ts';
import { defaultRequestTiming } from '../../src/replica/router.ts';
import { SimClock } from '../../src/sim/clock.ts';
import { SimDisk } from '../../src/sim/disk.ts';
import { SimNetwork } from '../../src/sim/network.ts';
import { SimProcess } from '../../src/sim/process.ts';
import { Scheduler } from '../../src/sim/scheduler.ts';
import { LendingNetwork } from './lending-network.ts';

const KIB = 1024;

/** Small bounds, so that segments roll and windows fill within a test. */
export const smallLimits: Limits = {
  ...defaultLimits,
  keyBytesMax: KIB,
  valueBytesMax: 16 * KIB,
  entryBytesMax: 40 * KIB,
  appendEntriesBytesMax: 16 * KIB,
  inflightMessagesMax: 8,
  inflightBytesMax: 64 * KIB,
  logWindowBytesMax: 32 * KIB,
  segmentBytes: 128 * KIB,
  batchBytesMax: 64 * KIB,
};

/** One member: its disk outlives its processes. */
export class Node {
  readonly member: Member;
  disk: SimDisk;
  readonly logs: LogLine[] = [];
  readonly trace: TraceEvent[] = [];
  replica: Replica | null = null;
  process: SimProcess | null = null;
  failure: Failure | null = null;
  stopped = false;

  constructor(member: Member, disk: SimDisk) {
    this.member = member;
    this.disk = disk;
  }
}

/** A cluster of real replicas on a simulated disk, network and clock, from one seed. */
export class World {
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly nodes: readonly Node[];
  readonly limits: Limits;
  /** Of the nodes that are started from now on. */
  follower: FollowerMode = 'redirect';
  /** What the members prove to each other; null: nothing. */
  secret: Uint8Array | null = null;
  private clients = 0;

  constructor(seed: number, size: number, limits: Limits = smallLimits) {
    this.scheduler = new Scheduler(seed);
    this.network = new SimNetwork(this.scheduler);
    this.limits = limits;
    this.nodes = Array.from({ length: size }, (_, i) => {
      const name = `n${i + 1}`;
      const member = { id: nodeId(i + 1), name, host: name, port: 7001, peerPort: 17001 };
      return new Node(member, new SimDisk((callback) => this.diskLater(callback)));
    });
  }

  private diskLater(callback: () => void): void {
    this.scheduler.after(0.1 + this.scheduler.random.float() * 0.4, callback);
  }

  node(name: string): Node {
    return this.nodes.find((node) => node.member.name === name)!;
  }

  startAll(): void {
    for (const node of this.nodes) this.start(node);
  }

  start(node: Node): void {
    const { scheduler } = this;
    const process = new SimProcess(scheduler);
    const { host, port, peerPort } = node.member;
    node.process = process;
    node.failure = null;
    node.stopped = false;
    const replica = Replica.open({
      name: node.member.name,
      members: this.nodes.map((other) => other.member),
      listenClients: { host, port },
      listenPeers: { host, port: peerPort },
      disk: node.disk,
      network: new LendingNetwork(this.network.attach(host, process)),
      clock: new SimClock(scheduler, process),
      random: scheduler.random.fork(),
      freshDirectoryId: scheduler.random.bytes(16),
      freshClusterId: scheduler.random.bytes(16),
      freshStartId: scheduler.random.bytes(8),
      peerAuth: this.secret && {
        secret: this.secret,
        nonce: () => this.scheduler.random.bytes(NONCE_BYTES),
      },
      limits: this.limits,
      raftTiming: defaultTiming,
      requestTiming: defaultRequestTiming,
      follower: this.follower,
      log: (line) => node.logs.push(line),
      trace: (event) => node.trace.push(event),
      probe: null,
      onFatal: (failure) => {
        node.failure = failure;
        this.kill(node);
      },
    });
    if (replica instanceof Replica) {
      node.replica = replica;
      replica.start((error) => {
        if (error !== null) throw new Error(`${node.member.name}: ${error}`);
      });
    } else {
      node.failure = replica;
      node.process.kill();
      node.process = null;
    }
  }

  /** kill -9: the process is gone; what it had written stays in the page cache. */
  kill(node: Node): void {
    node.process?.kill();
    node.process = null;
    node.replica = null;
    node.disk.kill();
    this.network.resetAll(node.member.host);
  }

  /** The power goes: any subset of what was not synced is lost. */
  powerOff(node: Node): void {
    this.kill(node);
    node.disk.crash(this.scheduler.random);
  }

  /** Puts these files in the place of what the node had, while it is down. */
  restore(node: Node, image: ReadonlyMap<string, Uint8Array>): void {
    if (node.process !== null) throw new Error(`${node.member.name} is running`);
    node.disk = SimDisk.of(image, (callback) => this.diskLater(callback));
  }

  run(ms: number): void {
    this.scheduler.run(this.scheduler.nowMs + ms);
  }

  until(done: () => boolean, withinMs = 5000): boolean {
    return this.scheduler.runUntil(done, this.scheduler.nowMs + withinMs);
  }

  /** The leader that the majority follows; null while there is none. */
  get leader(): Node | null {
    const leaders = this.nodes.filter((node) => node.replica?.view.role === 'leader');
    leaders.sort((a, b) => b.replica!.view.term - a.replica!.view.term);
    return leaders[0] ?? null;
  }

  get followers(): readonly Node[] {
    return this.nodes.filter((node) => node.replica !== null && node !== this.leader);
  }

  /** Runs until some node leads and has committed an entry of its term; returns it. */
  elect(): Node {
    const elected = () => {
      const replica = this.leader?.replica;
      return (
        replica !== null &&
        replica !== undefined &&
        replica.view.lastApplied === replica.view.lastIndex
      );
    };
    if (!this.until(elected)) throw new Error('no leader within 5 s');
    return this.leader!;
  }

  client(to: Node): SimClient {
    this.clients++;
    return new SimClient(this, `client${this.clients}`, to);
  }
}

/** A client on a host of its own, speaking RESP by hand. */
export class SimClient {
  readonly replies: RespValue[] = [];
  closed = false;
  /** What has come since this was set, byte for byte; null: nobody wants to know. */
  heard: string | null = null;
  /** Called after a reply has come, or the stream is gone. */
  onChange: () => void = () => {};
  private readonly world: World;
  private readonly stream: Stream;
  private readonly reader = new RespReader();

  constructor(world: World, host: string, to: Node) {
    this.world = world;
    const network = world.network.attach(host, new SimProcess(world.scheduler));
    this.stream = network.connect(
      { host: to.member.host, port: to.member.port },
      {
        onOpen: () => {},
        onBytes: (chunk) => this.onBytes(chunk),
        onEnd: () => this.stream.end(),
        onDrain: () => {},
        onClose: () => {
          this.closed = true;
          this.onChange();
        },
      },
    );
  }

  send(...args: readonly (string | Uint8Array)[]): void {
    this.stream.write(encodeRequest(args));
  }

  /** Typed, not encoded. */
  type(line: string): void {
    this.stream.write(Uint8Array.from(`${line}\r\n`, (char) => char.charCodeAt(0)));
  }

  raw(bytes: Uint8Array): void {
    this.stream.write(bytes);
  }

  end(): void {
    this.stream.end();
  }

  /** Leaves without a word, and hears nothing more. */
  abandon(): void {
    this.onChange = () => {};
    this.stream.destroy();
  }

  pause(): void {
    this.stream.pause();
  }

  resume(): void {
    this.stream.resume();
  }

  /** Sends one command and runs the world until it is answered. */
  ask(...args: readonly (string | Uint8Array)[]): string {
    const before = this.replies.length;
    this.send(...args);
    if (!this.world.until(() => this.replies.length > before || this.closed)) {
      throw new Error(`no answer to ${args[0]} within 5 s`);
    }
    const reply = this.replies[before];
    return reply === undefined ? '(closed)' : show(reply);
  }

  private onBytes(chunk: Uint8Array): void {
    if (this.heard !== null) this.heard += byteString(chunk);
    this.reader.feed(chunk);
    for (let next = this.reader.next(); next !== 'more'; next = this.reader.next()) {
      if ('protocolError' in next) throw new Error(next.protocolError);
      this.replies.push(next);
      this.onChange();
    }
  }
}

/** A reply in one line: `+OK`, `$hello`, `:3`, `(nil)`, `-ERR …`, `[…]`, `~[…]`,
 *  `{…=…}`, and `=` before a text. */
export function show(reply: RespValue): string {
  switch (reply.kind) {
    case 'simple':
      return `+${reply.text}`;
    case 'error':
      return `-${reply.text}`;
    case 'integer':
      return `:${reply.value}`;
    case 'bulk':
      return `$${byteString(reply.bytes)}`;
    case 'null':
      return '(nil)';
    case 'array':
      return `[${reply.items.map(show).join(' ')}]`;
    case 'set':
      return `~[${reply.items.map(show).join(' ')}]`;
    case 'map':
      return `{${reply.entries.map(([key, value]) => `${show(key)}=${show(value)}`).join(' ')}}`;
    case 'verbatim':
      return `=${byteString(reply.bytes)}`;
    default:
      return reply.kind;
  }
}
