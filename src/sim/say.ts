import type { Message } from '../raft/messages.ts';
import type { TraceEvent } from '../raft/trace.ts';

// What the core does and says, in words for whoever reads a trace.

export function sayTrace(event: TraceEvent): string {
  switch (event.kind) {
    case 'role':
      return `becomes ${event.role} in term ${event.term}: ${event.reason}`;
    case 'term':
      return `is in term ${event.term}`;
    case 'vote':
      return `votes for n${event.candidate} in term ${event.term}`;
    case 'leader':
      return event.leader === 0 ? 'knows of no leader' : `follows n${event.leader}`;
    case 'append':
      return `appends ${event.from}..${event.to}`;
    case 'truncate':
      return `cuts its log from ${event.from} on`;
    case 'snapshot':
      return `begins its log behind a snapshot of ${event.index}, term ${event.snapshotTerm}`;
    case 'compact':
      return `has cut its log up to ${event.index}`;
    case 'reinstated':
      return 'is whole again, and no suspect any more';
    default:
      return `has committed up to ${event.commitIndex}`;
  }
}

export function sayMessage(message: Message): string {
  const { kind, term } = message;
  switch (message.kind) {
    case 'AppendEntries': {
      const { prevLogIndex, entries, leaderCommit } = message;
      const what = entries.length === 0 ? 'nothing' : `${entries.length} entries`;
      return `${kind} term ${term}: ${what} behind ${prevLogIndex}, commit ${leaderCommit}`;
    }
    case 'AppendEntriesResponse':
      return message.success
        ? `${kind} term ${term}: has ${message.matchIndex}`
        : `${kind} term ${term}: no, try ${message.hintIndex}`;
    case 'InstallSnapshot': {
      const { snapshot, offset, bytes } = message;
      const what = bytes.length === 0 ? 'how much of it?' : `${bytes.length} bytes at ${offset}`;
      return `${kind} term ${term}: ${sayWhich(snapshot.index, snapshot.id)}, ${what}`;
    }
    case 'InstallSnapshotResponse': {
      const { snapshotIndex, snapshotId, offset } = message;
      return `${kind} term ${term}: ${sayWhich(snapshotIndex, snapshotId)}, has ${offset} bytes`;
    }
    case 'PreVoteResponse':
    case 'RequestVoteResponse':
      return `${kind} term ${term}: ${message.voteGranted ? 'yes' : 'no'}`;
    default:
      return `${kind} term ${term}`;
  }
}

const sayWhich = (index: number, id: number): string => `snapshot ${id} of ${index}`;
