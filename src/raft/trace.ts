import type { Index, NodeId, Term } from '../base/ids.ts';

export type Role = 'follower' | 'precandidate' | 'candidate' | 'leader';

/** What happened inside the core, one event a transition. Nothing is made when nobody listens. */
export type TraceEvent =
  | {
      readonly kind: 'role';
      readonly node: NodeId;
      readonly term: Term;
      readonly role: Role;
      readonly reason: string;
    }
  | { readonly kind: 'term'; readonly node: NodeId; readonly term: Term }
  | {
      readonly kind: 'vote';
      readonly node: NodeId;
      readonly term: Term;
      readonly candidate: NodeId;
    }
  | { readonly kind: 'leader'; readonly node: NodeId; readonly term: Term; readonly leader: NodeId }
  | {
      readonly kind: 'append';
      readonly node: NodeId;
      readonly term: Term;
      readonly from: Index;
      readonly to: Index;
    }
  | { readonly kind: 'truncate'; readonly node: NodeId; readonly term: Term; readonly from: Index }
  | {
      readonly kind: 'commit';
      readonly node: NodeId;
      readonly term: Term;
      readonly commitIndex: Index;
    }
  /** A snapshot took the place of the log (§7). */
  | {
      readonly kind: 'snapshot';
      readonly node: NodeId;
      readonly term: Term;
      readonly index: Index;
      readonly snapshotTerm: Term;
    }
  /** The log begins behind this entry from now on. */
  | { readonly kind: 'compact'; readonly node: NodeId; readonly term: Term; readonly index: Index }
  /** A suspect has been made whole, and it is durable: from now on it counts again. */
  | { readonly kind: 'reinstated'; readonly node: NodeId; readonly term: Term };

export type Trace = (event: TraceEvent) => void;
