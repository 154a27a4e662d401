import type { Index, NodeId, Term } from '../base/ids.ts';
import type { Member } from '../raft/configuration.ts';
import type { Role } from '../raft/trace.ts';

/** What a node knows of the cluster and of itself, for STATUS, CLUSTER and redirects. */
export interface NodeView {
  readonly self: Member;
  readonly members: readonly Member[];
  /** 32 hexadecimal digits; zeros until the first configuration is committed. */
  readonly clusterId: string;
  /** Null while this node knows of no leader. */
  readonly leader: Member | null;
  readonly phase: Phase;
  readonly role: Role;
  readonly term: Term;
  readonly commitIndex: Index;
  readonly lastApplied: Index;
  readonly lastIndex: Index;
  readonly revision: number;
  readonly keys: number;
  readonly clients: number;
  readonly storageSpace: 'ok' | 'full';
  /** Rot was found in this node's log: it counts for nothing until a leader has made it whole. */
  readonly suspect: boolean;
  /** Every member that is known to be a suspect, this one too. */
  readonly suspects: readonly Member[];
  /** Of a leader: how far each other member is known to be. Empty elsewhere. */
  readonly followers: readonly FollowerView[];
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

/**
 * `joining`: the directory is new, and the node neither votes nor acknowledges before enough other
 * members have said that its name was never bound. `stopping`: it has been told to stop.
 */
export type Phase = 'joining' | 'running' | 'stopping';

export const addressOf = (member: Member): string =>
  member.host.includes(':') ? `[${member.host}]:${member.port}` : `${member.host}:${member.port}`;

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
    phase: view.phase,
    leader: view.leader?.name ?? null,
    clusterId: view.clusterId,
    revision: view.revision,
    keys: view.keys,
    clients: view.clients,
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
