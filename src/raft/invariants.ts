import { assert } from '../base/assert.ts';
import {
  INDEX_ZERO,
  type Incarnation,
  type Index,
  NOBODY,
  type NodeId,
  type Term,
} from '../base/ids.ts';
import type { HardState } from '../base/persist.ts';
import type { LogPoint } from '../base/snapshot.ts';
import { type TermRun, TermRuns } from '../base/term-runs.ts';
import type { RaftState } from './state.ts';
import type { Role } from './trace.ts';

// What must hold on one node, as far as one node can see: the conditions are written once, here,
// and not where the state changes. The names S1 to S22 are those of SPEC.md.

/** Cheap enough to run once a turn in production. */
export function checkState(state: RaftState): void {
  const { log, durability, commitIndex, appliedIndex } = state;
  holds(
    state,
    appliedIndex <= commitIndex && commitIndex <= log.lastIndex,
    'S10: applied <= commit <= last',
  );
  const snapshotIndex = state.snapshot?.index ?? INDEX_ZERO;
  holds(
    state,
    log.base.index <= snapshotIndex && snapshotIndex <= commitIndex,
    'S10: base <= snapshot <= commit',
  );
  holds(state, log.base.term <= log.lastTerm, 'S18: the base is of a later term than the last');
  holds(state, log.lastTerm <= state.currentTerm, 'S18: the last entry is of a later term');
  holds(state, durability.stableIndex <= log.lastIndex, 'stableIndex <= lastIndex');
  holds(
    state,
    durability.durable.currentTerm <= state.currentTerm,
    'S3: durable term <= current term',
  );
  holds(
    state,
    log.firstIndexInMemory <= Math.min(appliedIndex, durability.stableIndex) + 1 ||
      log.firstIndexInMemory <= state.recoveredIndex + 1,
    'what is not applied and durable is in memory',
  );
  holds(
    state,
    (state.role === 'leader') === (state.leaderId === state.id),
    'leads and follows itself',
  );
  holds(state, state.role === 'follower' || !state.isSuspect, 'D3: a suspect follows');
  holds(state, state.isSuspect || !state.hardState.suspect, 'D3: what is durable is a suspect too');
  if (state.role === 'leader') checkLeader(state);
  if (state.role === 'candidate')
    holds(state, state.votedFor === state.id, 'S2: a candidate has voted');
}

function checkLeader(state: RaftState): void {
  holds(state, state.votedFor === state.id, 'S2: a leader has voted for itself');
  holds(state, state.leaderOfTerm === state.id, 'S1: a leader leads its term');
  holds(
    state,
    state.durability.isTermDurable(state.currentTerm),
    'S3: a leader has a durable term',
  );
  holds(
    state,
    state.log.lastTerm === state.currentTerm,
    '§8: a leader has begun its term with an entry',
  );
  for (const progress of state.peers) {
    holds(state, progress.matchIndex < progress.nextIndex, 'S16: matchIndex < nextIndex');
    const isSuspect = progress.standing === 'suspect';
    holds(
      state,
      progress.state !== 'snapshot' || progress.nextIndex <= state.log.base.index,
      'L7: a snapshot is for what the log no longer holds',
    );
    holds(
      state,
      !isSuspect || progress.countedIndex === INDEX_ZERO,
      'D3: a suspect counts for nothing',
    );
    holds(state, !isSuspect || progress.wholeIndex > 0, 'D3: it is known when a suspect is whole');
    holds(state, progress.nextIndex <= state.log.lastIndex + 1, 'nextIndex <= lastIndex + 1');
    holds(
      state,
      progress.state === 'replicate' || progress.inflights.count === 0,
      'a probe has no pipeline',
    );
    holds(
      state,
      progress.inflights.count <= state.limits.inflightMessagesMax,
      'L8: messages in flight are bounded',
    );
  }
}

function holds(state: RaftState, ok: boolean, what: string): void {
  if (!ok) broken(state, what);
}

/** Apart, so that nothing is allocated where all is well: this is asked some twenty times a turn. */
function broken({ id, role, currentTerm }: RaftState, what: string): void {
  assert(false, () => `node ${id}, ${role} in term ${currentTerm}: ${what}`);
}

/** For tests and simulation: costs as much as the window is long. */
export function checkWindow(state: RaftState): void {
  let bytes = 0;
  let { firstIndexInMemory: at } = state.log;
  for (; at <= state.log.lastIndex; at = (at + 1) as Index) {
    const entry = state.log.entryAt(at);
    assert(
      entry.index === at && entry.term === state.log.termAt(at),
      () => `S18: entry ${entry.index} of term ${entry.term} stands at ${at}`,
    );
    bytes += entry.record.length;
  }
  assert(bytes === state.log.bytesInMemory, () => `window: ${bytes} bytes are in memory`);
}

/** What one node was, to be compared with what it has become. */
export interface Observation {
  readonly role: Role;
  readonly hardState: HardState;
  readonly commitIndex: Index;
  readonly base: LogPoint;
  readonly snapshotIndex: Index;
  readonly lastIndex: Index;
  readonly termRuns: readonly TermRun[];
  readonly durableTerm: Term;
  readonly leaderOfTerm: NodeId;
  readonly matches: readonly { readonly index: Index; readonly incarnation: Incarnation }[];
}

export function observe(state: RaftState): Observation {
  return {
    role: state.role,
    hardState: state.hardState,
    commitIndex: state.commitIndex,
    base: state.log.base,
    snapshotIndex: state.snapshot?.index ?? INDEX_ZERO,
    lastIndex: state.log.lastIndex,
    termRuns: state.log.termRuns(),
    durableTerm: state.durability.durable.currentTerm,
    leaderOfTerm: state.leaderOfTerm,
    matches: state.peers.map(({ matchIndex: index, incarnation }) => ({ index, incarnation })),
  };
}

/** What one step of one node may do, and what it may not; both observations are of one run of
 *  it. */
export function checkTransition(before: Observation, after: Observation): void {
  const holds = (ok: boolean, what: string) => assert(ok, () => what);
  const termBefore = before.hardState.currentTerm;
  const termAfter = after.hardState.currentTerm;
  const sameTerm = termBefore === termAfter;

  holds(termAfter >= termBefore, `S3: term ${termBefore} -> ${termAfter}`);
  holds(after.durableTerm >= before.durableTerm, 'S3: the durable term decreases');
  holds(before.hardState.suspect || !after.hardState.suspect, 'D3: only a start finds rot');
  holds(after.commitIndex >= before.commitIndex, 'S8: commitIndex decreases');
  holds(
    sharesPrefix(before, after, before.commitIndex),
    `S17: something up to ${before.commitIndex}, which is committed, was replaced`,
  );
  holds(after.base.index >= before.base.index, 'S18: the base goes back');
  holds(after.snapshotIndex >= before.snapshotIndex, 'S21: the snapshot goes back');
  holds(keepsWhatMatches(before, after), 'S17: a reset removed what the snapshot agrees with');
  if (!sameTerm) return;

  const { votedFor } = before.hardState;
  holds(votedFor === NOBODY || votedFor === after.hardState.votedFor, 'S2: a vote was changed');
  holds(
    before.leaderOfTerm === NOBODY || before.leaderOfTerm === after.leaderOfTerm,
    'S1: the leader of the term was changed',
  );
  if (before.role !== 'leader' || after.role !== 'leader') return;
  holds(sharesPrefix(before, after, before.lastIndex), 'S4: a leader changed its own log');
  holds(
    after.commitIndex === before.commitIndex ||
      new TermRuns(after.termRuns, after.base).termAt(after.commitIndex) === termAfter,
    `S11: a leader committed ${after.commitIndex}, an entry of an earlier term, by counting`,
  );
  for (const [i, match] of before.matches.entries()) {
    const now = after.matches[i]!;
    const sameLife = now.incarnation === match.incarnation;
    holds(!sameLife || now.index >= match.index, `S16: match ${match.index} -> ${now.index}`);
  }
}

/** §7: "retain log entries following" a snapshot's last one, where the log has that. */
function keepsWhatMatches(before: Observation, after: Observation): boolean {
  const { base, lastIndex } = after;
  const isInLog = base.index > before.base.index && base.index <= before.lastIndex;
  if (!isInLog || lastIndex >= before.lastIndex) return true;
  return new TermRuns(before.termRuns, before.base).termAt(base.index) !== base.term;
}

/** Whether both logs have the same terms up to `upTo`, as far as both still have them. */
function sharesPrefix(before: Observation, after: Observation, upTo: Index): boolean {
  if (after.lastIndex < upTo) return false;
  const from = Math.max(before.base.index, after.base.index) as Index;
  if (upTo < from) return true;
  const one = runsFrom(before, from, upTo);
  const other = runsFrom(after, from, upTo);
  return (
    one.length === other.length &&
    one.every((run, i) => run.from === other[i]!.from && run.term === other[i]!.term)
  );
}

/** The terms of the entries [from, upTo], as runs. */
function runsFrom({ termRuns, base }: Observation, from: Index, upTo: Index): readonly TermRun[] {
  const term = new TermRuns(termRuns, base).termAt(from);
  return [{ term, from }, ...termRuns.filter((run) => run.from > from && run.from <= upTo)];
}
