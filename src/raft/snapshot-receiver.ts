import { assert } from '../base/assert.ts';
import { NOBODY } from '../base/ids.ts';
import type { LogPoint, SnapshotInfo } from '../base/snapshot.ts';
import type { ReceivedChunk } from './effects.ts';
import { acknowledge, hearLeader } from './follower.ts';
import type { InstallSnapshot, InstallSnapshotResponse } from './messages.ts';
import { becomeFollower } from './roles.ts';
import type { RaftState } from './state.ts';

// What a follower does with a snapshot that its leader sends (§7, Figure 13), and what every node
// does with those that it takes itself.

/** The term is the current one. The bytes are the host's business. */
export function handleInstallSnapshot(
  state: RaftState,
  nowMs: number,
  { from, snapshot, offset, bytes }: InstallSnapshot,
): void {
  hearLeader(state, nowMs, from);
  if (isHeld(state, snapshot)) {
    commitHeld(state, snapshot);
    acknowledge(state, from, snapshot.index, false);
  } else {
    state.outbox.chunks.push({ from, snapshot, offset, bytes });
  }
}

/** The host has done with a piece, and has every byte of its snapshot before `offset`. */
export function chunkTaken(state: RaftState, chunk: ReceivedChunk, offset: number): void {
  const { snapshot, from } = chunk;
  assert(offset <= snapshot.bytes, () => `${offset} bytes of a snapshot of ${snapshot.bytes}`);
  // Another leads by now, or nobody: this is nothing to him.
  if (state.leaderId !== from || state.role !== 'follower') return;
  if (isHeld(state, snapshot)) {
    commitHeld(state, snapshot);
    acknowledge(state, from, snapshot.index, false);
    return;
  }
  const response: InstallSnapshotResponse = {
    kind: 'InstallSnapshotResponse',
    from: state.id,
    to: from,
    term: state.currentTerm,
    incarnation: state.incarnation,
    snapshotIndex: snapshot.index,
    snapshotId: snapshot.id,
    offset,
    sentOffset: chunk.offset + chunk.bytes.length,
  };
  // It promises nothing but the term that it names.
  if (state.durability.isTermDurable(state.currentTerm)) state.outbox.send(response);
  else state.outbox.promise(response);
}

/**
 * A snapshot is whole, verified and durable in the host's hands. Whoever sent it, in whatever term:
 * what it holds is committed.
 * @returns whether it takes the place of the log; if not, the host may remove it.
 */
export function snapshotReceived(
  state: RaftState,
  nowMs: number,
  snapshot: SnapshotInfo,
): 'installed' | 'dropped' {
  const isDropped = isHeld(state, snapshot);
  if (isDropped) {
    // A leader commits by counting (§5.4.2), and by nothing else.
    if (state.role !== 'leader') commitHeld(state, snapshot);
  } else {
    // S4, S6: a leader holds what is committed, and never changes its log.
    assert(state.role !== 'leader', () => `S6: a leader lacks ${snapshot.index}, a snapshot's`);
    // What it campaigned with is about to change.
    becomeFollower(state, nowMs, state.currentTerm, 'installs a snapshot');
    resetTo(state, snapshot);
  }
  const knowsLeader = state.role === 'follower' && state.leaderId !== NOBODY;
  if (knowsLeader) acknowledge(state, state.leaderId, snapshot.index, false);
  return isDropped ? 'dropped' : 'installed';
}

/** Whether this node has all that the snapshot holds. */
function isHeld(state: RaftState, { index, term }: SnapshotInfo): boolean {
  // An older one would take back what was committed, and applied, since.
  if (index <= state.commitIndex) return true;
  // §7: "if existing log entry has same index and term as snapshot's last included entry, retain log
  // entries following it": this node may have acknowledged them.
  return state.log.matches(index, term);
}

function commitHeld(state: RaftState, { index }: SnapshotInfo): void {
  if (index > state.commitIndex) state.commitTo(index);
}

/** §7: "discard the entire log": it is too short, or conflicts with what is committed. */
function resetTo(state: RaftState, snapshot: SnapshotInfo): void {
  const { index, term } = snapshot;
  state.durability.wasReset(snapshot, state.commitIndex);
  state.log.reset({ index, term });
  state.recoveredIndex = index;
  state.snapshot = snapshot;
  state.outbox.install = snapshot;
  state.trace?.({
    kind: 'snapshot',
    node: state.id,
    term: state.currentTerm,
    index,
    snapshotTerm: term,
  });
  state.commitTo(index);
}

/** The host has taken a snapshot of its own, and it is durable. */
export function snapshotTaken(state: RaftState, snapshot: SnapshotInfo): void {
  // A snapshot that was installed meanwhile is further.
  if (state.snapshot !== null && snapshot.index < state.snapshot.index) return;
  const { log, durability, appliedIndex } = state;
  assert(
    snapshot.index <= Math.min(appliedIndex, durability.stableIndex),
    () => `S10: a snapshot of ${snapshot.index}, applied ${appliedIndex}`,
  );
  assert(
    log.termAt(snapshot.index) === snapshot.term,
    () => `S21: entry ${snapshot.index} is not of term ${snapshot.term}`,
  );
  state.snapshot = snapshot;
}

/** The host's log begins behind `base` now, durably. */
export function compacted(state: RaftState, base: LogPoint): void {
  const { log, snapshot } = state;
  // Overtaken by a snapshot that took the place of the log.
  if (base.index <= log.base.index) return;
  assert(
    snapshot !== null && base.index <= snapshot.index && log.termAt(base.index) === base.term,
    () => `S10: a log from ${base.index}/${base.term} on, a snapshot of ${snapshot?.index}`,
  );
  log.compact(base.index);
  state.trace?.({ kind: 'compact', node: state.id, term: state.currentTerm, index: base.index });
}
