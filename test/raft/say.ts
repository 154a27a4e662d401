import type { Entry } from '../../src/base/entry.ts';
import { incarnation, index, nodeId, term } from '../../src/base/ids.ts';
import type {
  AppendEntries,
  AppendEntriesResponse,
  Message,
  PreVote,
  PreVoteResponse,
  Reinstate,
  RequestVote,
  RequestVoteResponse,
  SuspectResponse,
  TimeoutNow,
} from '../../src/raft/messages.ts';

// Messages as tests write them down, and the other way round.

export function preVote(
  from: number,
  to: number,
  ofTerm: number,
  last: readonly [index: number, term: number],
): PreVote {
  return {
    kind: 'PreVote',
    from: nodeId(from),
    to: nodeId(to),
    term: term(ofTerm),
    lastLogIndex: index(last[0]),
    lastLogTerm: term(last[1]),
  };
}

export function preVoteResponse(
  from: number,
  to: number,
  ofTerm: number,
  voteGranted: boolean,
): PreVoteResponse {
  return {
    kind: 'PreVoteResponse',
    from: nodeId(from),
    to: nodeId(to),
    term: term(ofTerm),
    voteGranted,
  };
}

export function requestVote(
  from: number,
  to: number,
  ofTerm: number,
  last: readonly [index: number, term: number],
  leadershipTransfer = false,
): RequestVote {
  return {
    ...preVote(from, to, ofTerm, last),
    kind: 'RequestVote',
    leadershipTransfer,
  };
}

export function requestVoteResponse(
  from: number,
  to: number,
  ofTerm: number,
  voteGranted: boolean,
): RequestVoteResponse {
  return { ...preVoteResponse(from, to, ofTerm, voteGranted), kind: 'RequestVoteResponse' };
}

export function appendEntries(
  from: number,
  to: number,
  ofTerm: number,
  prev: readonly [index: number, term: number],
  entries: readonly Entry[] = [],
  leaderCommit = 0,
): AppendEntries {
  return {
    kind: 'AppendEntries',
    from: nodeId(from),
    to: nodeId(to),
    term: term(ofTerm),
    prevLogIndex: index(prev[0]),
    prevLogTerm: term(prev[1]),
    leaderCommit: index(leaderCommit),
    entries,
  };
}

export function acknowledgement(
  from: number,
  to: number,
  ofTerm: number,
  matchIndex: number,
  life = 1,
): AppendEntriesResponse {
  return {
    kind: 'AppendEntriesResponse',
    from: nodeId(from),
    to: nodeId(to),
    term: term(ofTerm),
    incarnation: incarnation(life),
    success: true,
    matchIndex: index(matchIndex),
    hintIndex: index(0),
    hintTerm: term(0),
  };
}

export function refusal(
  from: number,
  to: number,
  ofTerm: number,
  rejected: number,
  hint: readonly [index: number, term: number],
  life = 1,
): AppendEntriesResponse {
  return {
    ...acknowledgement(from, to, ofTerm, rejected, life),
    success: false,
    hintIndex: index(hint[0]),
    hintTerm: term(hint[1]),
  };
}

export function timeoutNow(from: number, to: number, ofTerm: number): TimeoutNow {
  return { kind: 'TimeoutNow', from: nodeId(from), to: nodeId(to), term: term(ofTerm) };
}

/** As `acknowledgement`, from a suspect in this life of it. */
export function suspectResponse(
  from: number,
  to: number,
  ofTerm: number,
  matchIndex: number,
  life: number,
): SuspectResponse {
  return {
    ...acknowledgement(from, to, ofTerm, matchIndex, life),
    kind: 'SuspectResponse',
  };
}

export function reinstate(
  from: number,
  to: number,
  ofTerm: number,
  life: number,
  wholeIndex: number,
): Reinstate {
  return {
    ...timeoutNow(from, to, ofTerm),
    kind: 'Reinstate',
    incarnation: incarnation(life),
    wholeIndex: index(wholeIndex),
  };
}

/** One line that a reader of a golden understands. */
export function describe(message: Message): string {
  const head = `${message.from}->${message.to} ${message.kind} term=${message.term}`;
  switch (message.kind) {
    case 'PreVote':
      return `${head} last=${message.lastLogIndex}/${message.lastLogTerm}`;
    case 'RequestVote': {
      const transfer = message.leadershipTransfer ? ' transfer' : '';
      return `${head} last=${message.lastLogIndex}/${message.lastLogTerm}${transfer}`;
    }
    case 'PreVoteResponse':
    case 'RequestVoteResponse':
      return `${head} ${message.voteGranted ? 'granted' : 'refused'}`;
    case 'AppendEntries': {
      const prev = `prev=${message.prevLogIndex}/${message.prevLogTerm}`;
      const entries = message.entries.map((entry) => `${entry.index}/${entry.term}`).join(',');
      return `${head} ${prev} commit=${message.leaderCommit} entries=(${entries})`;
    }
    case 'AppendEntriesResponse':
      return message.success
        ? `${head} match=${message.matchIndex}`
        : `${head} refused=${message.matchIndex} hint=${message.hintIndex}/${message.hintTerm}`;
    case 'TimeoutNow':
      return head;
    case 'SuspectResponse': {
      const life = `${head} life=${message.incarnation}`;
      return message.success
        ? `${life} match=${message.matchIndex}`
        : `${life} refused=${message.matchIndex} hint=${message.hintIndex}/${message.hintTerm}`;
    }
    case 'InstallSnapshot': {
      const { snapshot, offset, bytes } = message;
      const what = bytes.length === 0 ? `asks at=${offset}` : `at=${offset} bytes=${bytes.length}`;
      return `${head} ${sayWhich(snapshot.index, snapshot.id)} ${what}`;
    }
    case 'InstallSnapshotResponse': {
      const which = sayWhich(message.snapshotIndex, message.snapshotId);
      return `${head} ${which} has=${message.offset} of=${message.sentOffset}`;
    }
    case 'Reinstate':
      return `${head} life=${message.incarnation} whole=${message.wholeIndex}`;
  }
}

const sayWhich = (index: number, id: number): string => `snapshot=${index}#${id}`;
