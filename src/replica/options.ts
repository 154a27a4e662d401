import type { Limits } from '../base/limits.ts';
import type { Prng } from '../base/prng.ts';
import type { PeerAuth } from '../protocol/peer-proof.ts';
import type { Member } from '../raft/configuration.ts';
import type { RaftTiming } from '../raft/timing.ts';
import type { Trace } from '../raft/trace.ts';
import type { Disk } from '../storage/disk.ts';
import type { Clock } from './clock.ts';
import type { Failure } from './failure.ts';
import type { HostFigures } from './host.ts';
import type { Log } from './log-line.ts';
import type { Address, Network } from './network.ts';
import type { Probe } from './probe.ts';
import type { RequestTiming } from './router.ts';

/**
 * `redirect`: says who leads. `proxy`: has the leader carry the command out, for clients that know
 * neither MOVED nor REDIRECT; those that have said `CLIENT CAPA redirect` are redirected all the same.
 */
export type FollowerMode = 'redirect' | 'proxy';

/** What a replica is, and the world that it is put into. */
export interface ReplicaOptions {
  /** This node's name, one of the members'. */
  readonly name: string;
  /** The cluster's first members, in the order of their ids; the same on every node. */
  readonly members: readonly Member[];
  /** Where to bind; what others connect to is the member's own address. */
  readonly listenClients: Address;
  readonly listenPeers: Address;
  readonly disk: Disk;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Prng;
  /** 16 unpredictable bytes each, used only if the directory is new. */
  readonly freshDirectoryId: Uint8Array;
  readonly freshClusterId: Uint8Array;
  /** 8 unpredictable bytes: which start of the directory this is (base/start-history.ts). */
  readonly freshStartId: Uint8Array;
  /** The secret that peers share; null: whoever speaks their protocol is believed. */
  readonly peerAuth: PeerAuth | null;
  readonly limits: Limits;
  readonly raftTiming: RaftTiming;
  readonly requestTiming: RequestTiming;
  /** What a node that does not lead does with a replicated command; absent: redirect. */
  readonly follower?: FollowerMode;
  /** For INFO; absent where there is no process to speak of. */
  readonly host?: HostFigures;
  readonly log: Log;
  /** Hears every transition of the core; null costs nothing. */
  readonly trace: Trace | null;
  /** Sees what happens inside; null costs nothing. */
  readonly probe: Probe | null;
  /** The node can't go on: the process must end, with this sentence. Called at most once. */
  readonly onFatal: (reason: Failure) => void;
}
