import type { Index, NodeId, Term } from '../base/ids.ts';
import type { SnapshotInfo } from '../base/snapshot.ts';
import type { Member } from '../raft/configuration.ts';
import type { Role } from '../raft/trace.ts';
import type { StorageStats } from '../storage/storage-stats.ts';
import type { HostFigures } from './host.ts';
import type { Address } from './network.ts';

/** What a node knows of the cluster and of itself, for STATUS, INFO, CLUSTER and redirects. */
export interface NodeView {
  readonly self: Member;
  readonly members: readonly Member[];
  /** 32 hexadecimal digits; zeros until the first configuration is committed. */
  readonly clusterId: string;
  /** Null while this node knows of no leader. */
  readonly leader: Member | null;
  readonly phase: Phase;
  /** It is new, or has not yet applied again what it knew to be committed at its start. */
  readonly isLoading: boolean;
  readonly role: Role;
  readonly term: Term;
  readonly commitIndex: Index;
  readonly lastApplied: Index;
  readonly lastIndex: Index;
  readonly revision: number;
  readonly keys: number;
  readonly clients: number;
  readonly storageSpace: 'ok' | 'full';
  /** The first entry that this node's log still has; one behind the last when it has none. */
  readonly firstIndex: Index;
  /** The newest snapshot of this node's state, durable; null before the first. */
  readonly snapshot: SnapshotInfo | null;
  /** The state is being written down. */
  readonly isTakingSnapshot: boolean;
  /** Rot was found in this node's log: it counts for nothing until a leader has made it whole. */
  readonly suspect: boolean;
  /** Every member that is known to be a suspect, this one too. */
  readonly suspects: readonly Member[];
  /** Of a leader: how far each other member is known to be. Empty elsewhere. */
  readonly followers: readonly FollowerView[];
  /** Since the start of this process. */
  readonly uptimeMs: number;
  readonly elections: ElectionCounts;
  readonly storageStats: Readonly<StorageStats>;
  /** Milliseconds since 1970, as the host believes. Shown, and nothing else. */
  readonly wallMs: number;
  /** What the host knows of the process; null where there is none. */
  readonly host: HostFigures | null;
  /** Of a leader: how many other members are known to hold the log up to `index`, durably. */
  othersHolding(index: Index): number;
  /** The keys that this node has applied, from the first that is not below `start`. Nothing may
   *  change while this runs. */
  keysFrom(start: string): Iterable<string>;
}

/** What this node has seen since its start. */
export interface ElectionCounts {
  /** Its own campaigns for votes. */
  campaigns: number;
  won: number;
  /** Leaders that it has come to know, itself included. */
  leaders: number;
}

export interface FollowerView {
  readonly id: NodeId;
  readonly matchIndex: Index;
  /** Milliseconds since its last answer; null when it has not answered this leader. */
  readonly lastHeardMs: number | null;
  readonly state: string;
  /** "suspect": what it holds does not count. */
  readonly standing: string;
}

/** More than the longest election timeout: a follower that lives has answered a heartbeat by then. */
const SILENT_AFTER_MS = 1000;

/** Dead or cut off, as far as the leader can tell. */
export const isSilent = ({ lastHeardMs }: FollowerView): boolean =>
  lastHeardMs === null || lastHeardMs > SILENT_AFTER_MS;

/**
 * `joining`: the directory is new, and the node neither votes nor acknowledges before enough other
 * members have said that its name was never bound. `stopping`: it has been told to stop.
 */
export type Phase = 'joining' | 'running' | 'stopping';

export const addressOf = ({ host, port }: Address): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** The answer to STATUS: one JSON object, a stable contract (README, "status"). */
export function statusJson(view: NodeView): string {
  const nameOf = (id: NodeId) => view.members.find((member) => member.id === id)?.name ?? '?';
  return JSON.stringify({
    name: view.self.name,
    address: addressOf(view.self),
    role: view.role === 'precandidate' ? 'candidate' : view.role,
    term: view.term,
    commitIndex: view.commitIndex,
    lastApplied: view.lastApplied,
    lastIndex: view.lastIndex,
    firstIndex: view.firstIndex,
    snapshotIndex: view.snapshot?.index ?? 0,
    phase: view.phase,
    leader: view.leader?.name ?? null,
    clusterId: view.clusterId,
    revision: view.revision,
    keys: view.keys,
    clients: view.clients,
    memoryBytes: view.host?.memory().residentBytes ?? null,
    storage: view.storageSpace,
    suspect: view.suspect,
    members: view.members.map((member) => ({ name: member.name, address: addressOf(member) })),
    followers: view.followers.map((follower) => ({
      name: nameOf(follower.id),
      matchIndex: follower.matchIndex,
      lastHeardMs: follower.lastHeardMs,
      state: follower.state,
      standing: follower.standing,
    })),
  });
}
