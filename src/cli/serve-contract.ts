import type { Limits } from '../base/limits.ts';
import type { Address } from '../client/address.ts';
import type { Log } from '../replica/log-line.ts';
import type { FollowerMode } from '../replica/options.ts';
import type { MemberAddress } from './members.ts';

/** What `dkvs serve` asks of the server behind it. */
export interface ServeSettings {
  /** This node: one of `members`. */
  readonly name: string;
  /** The first configuration of the cluster; the same on every node. */
  readonly members: readonly MemberAddress[];
  readonly dataDirectory: string;
  /** Where to take clients. */
  readonly listen: Address;
  /** Where to take peers. */
  readonly listenPeers: Address;
  /** What members prove to each other; null: they believe whoever speaks their protocol. */
  readonly peerSecret: Uint8Array | null;
  readonly log: Log;
  readonly limits: Limits;
  readonly timing: ServeTiming;
  readonly follower: FollowerMode;
}

/** In ms. */
export interface ServeTiming {
  readonly heartbeatMs: number;
  /** An election timeout is drawn from this to twice this (§5.2). */
  readonly electionTimeoutMs: number;
}

export interface RunningServer {
  /** Where clients are taken. */
  readonly address: Address;
  /** Hands leadership over, drains, closes. */
  stop(): Promise<void>;
  /** Settles, with the reason, only if the server can't go on: a failed fsync, a lost lock. */
  readonly failed: Promise<Error>;
}

/** Resolves once clients are taken. Rejects with a sentence for the operator. */
export type StartServer = (settings: ServeSettings) => Promise<RunningServer>;
