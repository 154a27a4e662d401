import type { Entry } from '../base/entry.ts';
import type { Outcome } from '../client/call.ts';
import type { InstallSnapshot, Message } from '../raft/messages.ts';
import type { TraceEvent } from '../raft/trace.ts';
import type { Failure } from '../replica/failure.ts';
import { segmentIdOf } from '../storage/segment.ts';
import {
  Observer,
  type SimNode,
  type SimOperation,
  type SimRecovery,
  type StopKind,
} from './observer.ts';

/** What a set of runs must have been through, or it proves nothing. */
export const MUST_HAPPEN = [
  'kill',
  'power cut',
  'power cut on un-synced writes',
  'power cut at an operation of the disk',
  'blackout',
  'clean stop',
  'pause',
  'clock at another rate',
  'clock jump',
  'isolation',
  'split',
  'bridge',
  'one-way cut',
  'clients cut off',
  'clogged link',
  'connections broken off',
  'connections refused',
  'slow disk',
  'hung disk',
  'full disk',
  'disk error: read',
  'disk error: write',
  'disk error: sync',
  'rot',
  'lost-write',
  'misdirected-write',
  'rotten snapshot',
  'wiped',
  'restored',
  'Figure 8',
  'votes asked for again',
  'power cut under a batch',
  'suspect needed for a majority',
  'rot in what a laggard needs',
  'all followers’ disks hang',
  'the leader’s disk hangs',
  'heir cut off',
  'election',
  'pre-vote refused',
  'leader lost contact with the quorum',
  'leader gave up: its disk makes no progress',
  'leadership handed over',
  'leader process gone',
  'truncation',
  'conflict back-up',
  'laggard fed from disk',
  'entry of an earlier term committed',
  'segment rolled',
  'snapshot taken',
  'log cut',
  'snapshot installed',
  'piece of a snapshot sent again',
  'start from a snapshot',
  'start from the older snapshot',
  'install finished by a start',
  'torn tail cut',
  'suspect',
  'suspect reinstated',
  'refused: emptied',
  'refused: stale',
  'failed: disk',
  'answer: unknown',
  'answer: unavailable',
  'answer: reply',
  'redirect',
] as const;

/** Counts what happened in a run. */
export class Coverage extends Observer {
  readonly counts = new Map<string, number>();
  private readonly committed = new Map<number, number>();
  private readonly pieces = new Set<string>();
  private readonly lastSegment = new Map<number, number>();

  count(what: string, times = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + times);
  }

  override started(node: SimNode, { recovered, state }: SimRecovery): void {
    this.committed.set(node.id, recovered.commitIndex);
    this.count('start');
    if (recovered.snapshot !== null) this.count('start from a snapshot');
    if (recovered.snapshotsDamaged.length > 0 && !state.suspect) {
      this.count('start from the older snapshot');
    }
    if (recovered.finishedInstall) this.count('install finished by a start');
    if (recovered.tornBytes > 0) this.count('torn tail cut');
    if (state.suspect) this.count('suspect');
  }

  override stopped(_node: SimNode, how: StopKind, failure: Failure | null): void {
    if (how !== 'failed' || failure === null) return;
    const refuses = failure.code === 'stale' || failure.code === 'emptied';
    this.count(`${refuses ? 'refused' : 'failed'}: ${failure.code}`);
  }

  override traced(node: SimNode, event: TraceEvent): void {
    if (event.kind === 'truncate') this.count('truncation');
    else if (event.kind === 'commit') this.commit(node, event.commitIndex);
    else if (event.kind === 'compact') this.count('log cut');
    else if (event.kind === 'reinstated') this.count('suspect reinstated');
    else if (event.kind === 'role') this.role(event.role, event.reason);
  }

  override sent(node: SimNode, message: Message): void {
    switch (message.kind) {
      case 'AppendEntriesResponse':
        if (!message.success) this.count('conflict back-up');
        return;
      case 'AppendEntries':
        if (message.entries.length > 0) this.appended(node, message.entries[0]!);
        return;
      case 'InstallSnapshot':
        this.piece(node, message);
        return;
      case 'PreVoteResponse':
        if (!message.voteGranted) this.count('pre-vote refused');
        return;
      default:
        return;
    }
  }

  override snapshotTaken(): void {
    this.count('snapshot taken');
  }

  override snapshotInstalled(): void {
    this.count('snapshot installed');
  }

  override directory(node: SimNode, names: ReadonlyMap<string, number>): void {
    let last = 1;
    for (const name of names.keys()) last = Math.max(last, segmentIdOf(name));
    if (last > (this.lastSegment.get(node.id) ?? 1)) this.count('segment rolled');
    this.lastSegment.set(node.id, last);
  }

  override returned(_operation: SimOperation, outcome: Outcome): void {
    this.count(`answer: ${outcome.kind}`);
  }

  /** §5.4.2: by its own first entry a leader commits what earlier terms have left. */
  private commit(node: SimNode, commitIndex: number): void {
    const before = this.committed.get(node.id) ?? 0;
    this.committed.set(node.id, commitIndex);
    const state = node.raftState;
    if (state === null || state.role !== 'leader') return;
    const first = state.termStart;
    if (before < first - 1 && commitIndex >= first) {
      this.count('entry of an earlier term committed');
    }
  }

  private piece(node: SimNode, { to, snapshot, offset, bytes }: InstallSnapshot): void {
    // A question how much there is.
    if (bytes.length === 0) return;
    const piece = `${node.id} ${to} ${snapshot.id} ${offset}`;
    if (this.pieces.has(piece)) this.count('piece of a snapshot sent again');
    this.pieces.add(piece);
  }

  private appended(node: SimNode, first: Entry): void {
    const log = node.raftState?.log;
    if (log !== undefined && first.index < log.firstIndexInMemory) {
      this.count('laggard fed from disk');
    }
  }

  private role(role: string, reason: string): void {
    if (role === 'leader') this.count('election');
    const name = ROLE_REASONS.get(reason);
    if (name !== undefined) this.count(name);
  }
}

/** What is counted of the reasons for a role, by the core's own words. */
export const ROLE_REASONS: ReadonlyMap<string, string> = new Map([
  ['lost contact with the quorum', 'leader lost contact with the quorum'],
  ['its disk makes no progress', 'leader gave up: its disk makes no progress'],
  ['leadership transfer', 'leadership handed over'],
  ['leader process gone', 'leader process gone'],
]);
