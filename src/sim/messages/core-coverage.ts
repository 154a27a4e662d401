import type { Message } from '../../raft/messages.ts';
import type { TraceEvent } from '../../raft/trace.ts';
import { ROLE_REASONS } from '../coverage.ts';
import type { CoreNode } from './core-node.ts';
import type { Loss, Witness } from './witness.ts';

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
] as const;

/** Counts what happened in a run of cores. */
export class CoreCoverage implements Partial<Witness> {
  readonly counts = new Map<string, number>();
  private readonly committed = new Map<CoreNode, number>();

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

  rotted(_node: CoreNode, again: boolean): void {
    this.count(again ? 'rot of a suspect' : 'rot');
  }

  delivered(): void {
    this.count('message delivered');
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
