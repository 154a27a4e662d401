import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { localMembers } from '../src/cli/local-ports.ts';
import { askStatus, type MemberStatus } from '../src/cli/node-status.ts';
import { Supervisor, type SupervisorOptions } from '../src/cli/supervisor.ts';
import { formatAddress } from '../src/client/address.ts';
import { type Client, connect } from '../src/node/client.ts';
import type { BenchContext } from './benchmark.ts';
import { LoadRefused, type Target } from './load.ts';

const STATUS_MS = 500;
const POLL_MS = 10;
/** So often a task is begun, when elections break it off. */
const TRIES_MAX = 3;
/** What takes longer than this won't come about. */
const PATIENCE_MS = 60_000;

export interface ClusterOptions extends Pick<SupervisorOptions, 'program' | 'onLogLine'> {
  /** Three unless said otherwise. */
  readonly nodes?: number;
}

/** Real nodes, one process each, and what a benchmark wants to know of them. */
export class BenchCluster implements Target {
  readonly supervisor: Supervisor;
  readonly client: Client;

  private constructor(supervisor: Supervisor) {
    this.supervisor = supervisor;
    this.client = connect(supervisor.addresses);
  }

  /** Starts the nodes, and stops them when the run ends. */
  static async start(
    { directory, port, onEnd }: BenchContext,
    { nodes = 3, ...options }: ClusterOptions = {},
  ): Promise<BenchCluster> {
    const members = localMembers(port, nodes);
    const supervisor = new Supervisor({ ...options, members, directory });
    const cluster = new BenchCluster(supervisor);
    onEnd(async () => {
      cluster.client.close();
      await supervisor.killAll();
    });
    await supervisor.startAll();
    return cluster;
  }

  get names(): readonly string[] {
    return this.supervisor.members.map(({ name }) => name);
  }

  /** Of the nodes' processes, in the order of their names. */
  get pids(): readonly number[] {
    return this.names.map((name) => this.pidOf(name));
  }

  /** Of a node that runs. */
  pidOf(name: string): number {
    return this.supervisor.pid(name)!;
  }

  addressOf(name: string): string {
    return formatAddress(this.supervisor.members.find((member) => member.name === name)!);
  }

  portOf(name: string): number {
    return this.supervisor.members.find((member) => member.name === name)!.port;
  }

  /** Null when it does not answer. */
  async status(name: string): Promise<MemberStatus | null> {
    return (await askStatus(this.client, this.addressOf(name), STATUS_MS))?.status ?? null;
  }

  /**
   * Waits until all members answer, agree on the term, one leads, and each has applied what was
   * committed when it was asked.
   * @returns the leader
   */
  async steady(): Promise<MemberStatus & { readonly name: string }> {
    return await this.until('the cluster is steady', async () => {
      const statuses = await Promise.all(this.names.map((name) => this.status(name)));
      const leaders = statuses.filter((status) => status?.role === 'leader');
      const leader = leaders[0];
      if (leaders.length !== 1 || leader?.name == null) return null;
      if (statuses.some((status) => status?.term !== leader.term)) return null;
      await Promise.all(this.names.map((name) => this.caughtUpWith(name, leader.commitIndex!)));
      return { ...leader, name: leader.name };
    });
  }

  /**
   * Runs a task on the leader. Where another one took over meanwhile it is run anew on that, since
   * one election in an hour must not cost the hour; whoever compares terms sees that there was one.
   */
  readonly run: Target['run'] = async (task) => {
    for (let tries = 1; ; tries++) {
      const leader = await this.steady();
      try {
        return await task(this.portOf(leader.name));
      } catch (error) {
        if (!(error instanceof LoadRefused) || tries === TRIES_MAX) throw error;
        const { term } = await this.steady();
        if (term === leader.term) throw error;
      }
    }
  };

  /** Waits until this node has applied up to `index`. */
  async caughtUpWith(name: string, index: number): Promise<void> {
    await this.until(`${name} has applied ${index}`, async () => {
      const status = await this.status(name);
      return (status?.lastApplied ?? -1) >= index ? status : null;
    });
  }

  /** Resident memory of a node's process in MiB (Linux), else null. */
  residentMib(name: string): number | null {
    try {
      const text = readFileSync(`/proc/${this.supervisor.pid(name)}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+) kB/.exec(text)![1]) / 1024;
    } catch {
      return null;
    }
  }

  private async until<T>(what: string, look: () => Promise<T | null>): Promise<T> {
    const deadlineMs = performance.now() + PATIENCE_MS;
    while (performance.now() < deadlineMs) {
      const seen = await look();
      if (seen !== null) return seen;
      await sleep(POLL_MS);
    }
    throw new Error(`waited ${PATIENCE_MS} ms in vain until ${what}`);
  }
}
