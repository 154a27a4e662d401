import type { SnapshotInfo } from '../../base/snapshot.ts';
import type { RaftLog } from '../../raft/log.ts';
import type { InstallSnapshot, Message } from '../../raft/messages.ts';
import type { TraceEvent } from '../../raft/trace.ts';
import { ROLE_REASONS } from '../coverage.ts';
import type { CoreNode } from './core-node.ts';
import type { LogEnd, Loss, Witness } from './witness.ts';

/** How far a leader has sent a follower which snapshot. */
interface Sending {
  readonly id: number;
  readonly bytes: number;
  readonly end: number;
}

/** What a set of runs must have been through, or it proves nothing. */
export const CORE_MUST_HAPPEN = [
  'message delivered',
  'message dropped',
  'message duplicated',
  'message reordered',
  'message lost on a cut link',
  'message to a node that is down',
  'one-way cut',
  'isolation',
  'network healed',
  'connection',
  'crash',
  'crash with a loss',
  'crash within a request to the disk',
  'word of an earlier life',
  'rot',
  'rot of a suspect',
  'read',
  'read failed',
  'election',
  'vote refused',
  'pre-vote refused',
  'conflict back-up',
  'truncation',
  'commit',
  'entry of an earlier term committed',
  'suspect answered',
  'suspect reinstated',
  'leader lost contact with the quorum',
  'leader gave up: its disk makes no progress',
  'leadership handed over',
  'leader process gone',
  'snapshot taken',
  'log compacted',
  'log compacted while reading back',
  'rot of a snapshot',
  'snapshot read',
  'snapshot read failed',
  'piece of a snapshot sent',
  'piece of a snapshot sent again',
  'transfer of a snapshot resumed',
  'another snapshot in the middle of a transfer',
  'snapshot installed',
  'snapshot installed over a conflicting suffix',
  'snapshot installed by a suspect',
  'snapshot dropped as obsolete',
  'snapshot committed what the log held, and kept the suffix',
  'crash in the middle of a transfer',
  'crash before a reset was durable',
  'install interrupted behind the rename',
] as const;

/** Counts what happened in a run of cores. */
export class CoreCoverage implements Partial<Witness> {
  readonly counts = new Map<string, number>();
  private readonly committed = new Map<CoreNode, number>();
  private readonly sendings = new Map<string, Sending>();

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  started(node: CoreNode): void {
    this.committed.set(node, node.image.commitIndex);
    this.count('start');
  }

  crashed(_node: CoreNode, requests: number, kept: number): void {
    this.count(kept < requests ? 'crash with a loss' : 'crash');
  }

  crashing({ incoming, persists }: CoreNode): void {
    if (incoming !== null && incoming.bytes.length > 0) {
      this.count('crash in the middle of a transfer');
    }
    if (persists.some(({ reset }) => reset !== null)) {
      this.count('crash before a reset was durable');
    }
  }

  snapshotTaken(): void {
    this.count('snapshot taken');
  }

  compacted({ reads, image }: CoreNode): void {
    this.count('log compacted');
    if (reads.some(({ from }) => from <= image.base.index)) {
      this.count('log compacted while reading back');
    }
  }

  snapshotRead(_node: CoreNode, found: boolean): void {
    this.count(found ? 'snapshot read' : 'snapshot read failed');
  }

  received(node: CoreNode, snapshot: SnapshotInfo, outcome: string, before: LogEnd): void {
    const { index } = snapshot;
    if (outcome === 'installed') {
      this.count('snapshot installed');
      if (before.lastIndex >= index) this.count('snapshot installed over a conflicting suffix');
      if (node.up.isSuspect) this.count('snapshot installed by a suspect');
    } else {
      this.offered(snapshot, node.up.state.log, before);
    }
  }

  rotted(_node: CoreNode, again: boolean): void {
    this.count(again ? 'rot of a suspect' : 'rot');
  }

  delivered(message: Message, { up }: CoreNode): void {
    this.count('message delivered');
    if (message.kind === 'InstallSnapshot') this.offered(message.snapshot, up.state.log, up);
  }

  /** What becomes of a snapshot that a node is sent, or has all of. */
  private offered({ index, term }: SnapshotInfo, log: RaftLog, before: LogEnd): void {
    if (index <= before.commitIndex) this.count('snapshot dropped as obsolete');
    else if (log.matches(index, term) && before.lastIndex > index) {
      this.count('snapshot committed what the log held, and kept the suffix');
    }
  }

  lost(_message: Message, why: Loss): void {
    this.count(LOSSES[why]);
  }

  duplicated(): void {
    this.count('message duplicated');
  }

  overtook(): void {
    this.count('message reordered');
  }

  read(_node: CoreNode, entries: number): void {
    this.count(entries === 0 ? 'read failed' : 'read');
  }

  sent(_node: CoreNode, message: Message): void {
    switch (message.kind) {
      case 'InstallSnapshot':
        this.sending(message);
        return;
      case 'InstallSnapshotResponse':
        if (message.sentOffset === 0 && message.offset > 0) {
          this.count('transfer of a snapshot resumed');
        }
        return;
      case 'AppendEntriesResponse':
        if (!message.success) this.count('conflict back-up');
        return;
      case 'PreVoteResponse':
        if (!message.voteGranted) this.count('pre-vote refused');
        return;
      case 'RequestVoteResponse':
        if (!message.voteGranted) this.count('vote refused');
        return;
      case 'SuspectResponse':
        this.count('suspect answered');
        return;
      default:
        return;
    }
  }

  private sending({ from, to, term, snapshot, offset, bytes }: InstallSnapshot): void {
    const key = `${from}>${to} in ${term}`;
    const before = this.sendings.get(key);
    const isSame = before?.id === snapshot.id;
    if (before !== undefined && !isSame && before.end < before.bytes) {
      this.count('another snapshot in the middle of a transfer');
    }
    if (bytes.length > 0) {
      this.count('piece of a snapshot sent');
      if (isSame && offset < before.end) this.count('piece of a snapshot sent again');
    }
    const end = Math.max(offset + bytes.length, isSame ? before.end : 0);
    this.sendings.set(key, { id: snapshot.id, bytes: snapshot.bytes, end });
  }

  traced(node: CoreNode, event: TraceEvent): void {
    if (event.kind === 'truncate') this.count('truncation');
    else if (event.kind === 'commit') this.commit(node, event.commitIndex);
    else if (event.kind === 'reinstated') this.count('suspect reinstated');
    else if (event.kind === 'role') this.role(event.role, event.reason);
  }

  /** §5.4.2: by its own first entry a leader commits what earlier terms have left. */
  private commit(node: CoreNode, commitIndex: number): void {
    this.count('commit');
    const before = this.committed.get(node) ?? 0;
    this.committed.set(node, commitIndex);
    const { role, termStart } = node.up.state;
    if (role === 'leader' && before < termStart - 1 && commitIndex >= termStart) {
      this.count('entry of an earlier term committed');
    }
  }

  private role(role: string, reason: string): void {
    if (role === 'leader') this.count('election');
    const name = ROLE_REASONS.get(reason);
    if (name !== undefined) this.count(name);
  }
}

const LOSSES: Readonly<Record<Loss, string>> = {
  dropped: 'message dropped',
  cut: 'message lost on a cut link',
  down: 'message to a node that is down',
};
