import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type MemberAddress, PEER_PORT_OFFSET, parseMembers } from '../../src/cli/members.ts';
import { type NodeExit, Supervisor } from '../../src/cli/supervisor.ts';
import { formatAddress } from '../../src/client/address.ts';
import type { Client } from '../../src/client/client.ts';
import { connect } from '../../src/node/client.ts';
import type { RespValue } from '../../src/protocol/resp-reader.ts';
import { LinkProxy } from './link-proxy.ts';
import { type PortBlock, reservePorts } from './ports.ts';

/** How to run `dkvs`: program and first arguments. */
export type Program = readonly [string, ...string[]];

export interface ClusterOptions {
  /** A LinkProxy stands between the peers. */
  readonly proxied?: boolean;
  /** More flags for a node's `serve`. */
  readonly flags?: (name: string) => readonly string[];
  /** Called with the cluster's directory before anything is started. */
  readonly prepare?: (directory: string) => void;
  /** What to run a node with; null: as it is. Asked at every start; `directory` is the cluster's. */
  readonly program?: (name: string, directory: string) => Program | null;
}

/** What STATUS says, as far as these tests look at it. */
export interface Status {
  readonly name: string;
  readonly role: 'leader' | 'follower' | 'candidate';
  readonly term: number;
  readonly commitIndex: number;
  readonly lastApplied: number;
  readonly lastIndex: number;
  readonly phase: string;
  readonly leader: string | null;
  readonly storage: 'ok' | 'full';
  /** Of a leader. */
  readonly followers: readonly { readonly name: string; readonly matchIndex: number }[];
}

export interface Answer {
  readonly text: string;
  readonly afterMs: number;
}

export const DKVS: readonly [string, string] = [
  process.execPath,
  fileURLToPath(new URL('../../../bin/dkvs.mjs', import.meta.url)),
];

/** What a proxied node adds to its member's peer port: there it really listens for peers. */
const BEHIND_PROXY = 10;
const NAMES = ['n1', 'n2', 'n3'] as const;

/** Three nodes in processes of their own, on real files and sockets, and a client of them. */
export class Cluster {
  readonly names: readonly string[] = NAMES;
  readonly members: readonly MemberAddress[];
  readonly directory: string;
  readonly client: Client;
  /** Null unless the cluster is proxied. */
  readonly proxy: LinkProxy | null;
  /** All that a node has written to standard error. */
  readonly logs = new Map<string, string[]>();
  /** How the last process of a node ended. */
  readonly exits = new Map<string, NodeExit>();
  /** Nothing more is to be expected of it: whoever still writes must stop. */
  isClosed = false;
  private readonly ports: PortBlock;
  private readonly options: ClusterOptions;
  private readonly supervisors = new Map<string, Supervisor>();

  /** Starts the three nodes; resolves when a write has gone through. */
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = await Cluster.create(options);
    try {
      await Promise.all(cluster.names.map((name) => cluster.start(name)));
      await cluster.client.command(['SET', 'started', 'yes'], { deadlineMs: 15_000 });
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  /** The same, with no node started. */
  static async create(options: ClusterOptions = {}): Promise<Cluster> {
    const ports = await reservePorts();
    const proxy = options.proxied === true ? await listenProxy(ports.first) : null;
    return new Cluster(options, ports, proxy);
  }

  private constructor(options: ClusterOptions, ports: PortBlock, proxy: LinkProxy | null) {
    this.options = options;
    this.ports = ports;
    this.proxy = proxy;
    this.directory = mkdtempSync(join(tmpdir(), 'dkvs-real-'));
    options.prepare?.(this.directory);
    const members = NAMES.map((name, i) => `${name}=127.0.0.1:${ports.first + i}`);
    this.members = parseMembers(members.join(','));
    this.client = this.connect();
  }

  /** A client of its own, with connections of its own. */
  connect(deadlineMs: number = 5000): Client {
    return connect(this.members.map(formatAddress), { deadlineMs });
  }

  address(name: string): string {
    return formatAddress(this.member(name));
  }

  member(name: string): MemberAddress {
    return this.members.find((member) => member.name === name)!;
  }

  /** The id that a node has for its peers. */
  id(name: string): number {
    return this.members.indexOf(this.member(name)) + 1;
  }

  dataDirectory(name: string): string {
    return join(this.directory, name);
  }

  others(...names: readonly string[]): readonly string[] {
    return this.names.filter((name) => !names.includes(name));
  }

  // What can be done to a node.

  async start(name: string): Promise<void> {
    const supervisor = this.makeSupervisor(name);
    this.supervisors.set(name, supervisor);
    await supervisor.start(name);
  }

  /** kill -9; resolves when the process is gone. */
  async kill(name: string): Promise<void> {
    await this.supervisors.get(name)?.kill(name);
  }

  async killAll(): Promise<void> {
    await Promise.all(this.names.map((name) => this.kill(name)));
  }

  async stop(name: string): Promise<void> {
    await this.supervisors.get(name)?.stop(name);
  }

  freeze(name: string): void {
    this.supervisors.get(name)!.freeze(name);
  }

  thaw(name: string): void {
    this.supervisors.get(name)!.thaw(name);
  }

  isRunning(name: string): boolean {
    return this.supervisors.get(name)?.isRunning(name) === true;
  }

  pid(name: string): number {
    return this.supervisors.get(name)!.pid(name)!;
  }

  // What can be asked.

  /** Null when the node does not answer. */
  async status(name: string, deadlineMs: number = 300): Promise<Status | null> {
    try {
      const bytes = await this.client.statusOf(this.address(name), { deadlineMs });
      return JSON.parse(Buffer.from(bytes).toString()) as Status;
    } catch {
      return null;
    }
  }

  /** Waits until one of these nodes leads; with all asked, the one of the latest term. */
  async leader(among: readonly string[] = this.names, limitMs?: number): Promise<string> {
    const find = async () => {
      const all = await Promise.all(among.map((name) => this.status(name)));
      const leaders = all.filter((status) => status?.role === 'leader');
      return leaders.sort((a, b) => b!.term - a!.term)[0]?.name ?? null;
    };
    return await until(find, () => `a leader among ${among.join(', ')}`, limitMs);
  }

  /** Waits until these nodes have applied all that the leader had committed when asked. */
  async caughtUp(names: readonly string[] = this.names, limitMs?: number): Promise<void> {
    const { commitIndex } = (await this.status(await this.leader(), 2000))!;
    for (const name of names) {
      await until(
        async () => ((await this.status(name))?.lastApplied ?? -1) >= commitIndex || null,
        () => `${name} catching up to ${commitIndex}; it said:\n${this.log(name)}`,
        limitMs,
      );
    }
  }

  /** What this node itself answers, whoever leads, and after how long: `OK`, `"value"`, an error. */
  async ask(name: string, ...args: string[]): Promise<Answer> {
    const startedMs = performance.now();
    const command = this.client.commandTo(this.address(name), args, { deadlineMs: 5000 });
    const text = await command.then(show, (error: Error) => error.message);
    return { text, afterMs: performance.now() - startedMs };
  }

  /** The end of what a node has written to standard error. */
  log(name: string): string {
    return (this.logs.get(name) ?? []).slice(-30).join('\n');
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.client.close();
    await this.killAll();
    this.proxy?.close();
    this.ports.release();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private makeSupervisor(name: string): Supervisor {
    const program = this.options.program?.(name, this.directory) ?? null;
    const { port, peerPort } = this.member(name);
    const listen = `--listen=127.0.0.1:${port}@${peerPort + BEHIND_PROXY}`;
    return new Supervisor({
      members: this.members,
      directory: this.directory,
      flags: () => [
        ...(this.proxy === null ? [] : [listen]),
        ...(this.options.flags?.(name) ?? []),
      ],
      ...(program === null ? {} : { program }),
      onLogLine: (_, line) => {
        const lines = this.logs.get(name) ?? [];
        this.logs.set(name, lines);
        lines.push(line);
      },
      onExit: (_, exit) => this.exits.set(name, exit),
    });
  }
}

/** Flags with which this node leads first: the others wait long before they ask for votes. */
export function electsFirst(
  leader: string,
  othersWait: string = '3s',
): (name: string) => readonly string[] {
  return (name) => (name === leader ? [] : [`--election-timeout=${othersWait}`]);
}

/** Starts a cluster, does something with it, and ends it; a failure says what the nodes logged. */
export async function withCluster(
  options: ClusterOptions,
  body: (cluster: Cluster) => Promise<void>,
): Promise<void> {
  const cluster = await Cluster.start(options);
  try {
    await body(cluster);
  } catch (error) {
    for (const name of cluster.names) console.error(`${name} logged last:\n${cluster.log(name)}`);
    throw error;
  } finally {
    await cluster.close();
  }
}

function listenProxy(firstPort: number): Promise<LinkProxy> {
  return LinkProxy.listen(
    NAMES.map((_, i) => {
      const listen = firstPort + i + PEER_PORT_OFFSET;
      return { node: i + 1, listen, target: listen + BEHIND_PROXY };
    }),
  );
}

/** Asks again and again until the answer is not null. Fails with `what` after `limitMs`. */
export async function until<T>(
  ask: () => Promise<T | null> | T | null,
  what: () => string,
  limitMs: number = 10_000,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    assert.ok(performance.now() < deadline, `waited ${limitMs} ms in vain for ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function show(value: RespValue): string {
  if (value.kind === 'bulk') return JSON.stringify(Buffer.from(value.bytes).toString());
  if (value.kind === 'simple' || value.kind === 'error') return value.text;
  return value.kind === 'integer' ? String(value.value) : value.kind;
}
