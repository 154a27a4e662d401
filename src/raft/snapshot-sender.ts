import { assert } from '../base/assert.ts';
import { EMPTY_BYTES } from '../base/bytes.ts';
import { INDEX_ZERO, TERM_ZERO } from '../base/ids.ts';
import { isSameSnapshot, type SnapshotInfo } from '../base/snapshot.ts';
import { mayFeed } from './catch-up.ts';
import type { ReadSnapshot } from './effects.ts';
import type { InstallSnapshotResponse } from './messages.ts';
import { type Progress, SnapshotSending } from './progress.ts';
import type { RaftState } from './state.ts';

// How a leader brings a follower up to date that needs what the log no longer holds (§7). It asks how
// much of the snapshot the follower has, and then sends piece after piece, each when the one before
// has been answered. The follower's acknowledgement of the snapshot's index ends it.

/** Called once a turn for each follower in `snapshot`. Reads are asked for by `readSnapshots`. */
export function sendSnapshot(state: RaftState, progress: Progress): void {
  const sending = sendingTo(state, progress);
  if (state.heartbeatDue) sendHeartbeat(state, progress);
  // A question is repeated with each heartbeat, and follows a piece that was not answered: it costs
  // nothing, and only if the answer lacks the piece is that sent again.
  const asks = sending.isWaiting ? state.heartbeatDue : !sending.isStarted;
  if (asks) sendPiece(state, progress, sending, sending.sentOffset, EMPTY_BYTES);
}

/** What it is sent: what was begun, as long as the log goes on from there, or else the newest. */
function sendingTo(state: RaftState, progress: Progress): SnapshotSending {
  const { snapshot, log } = state;
  const { sending } = progress;
  if (sending !== null && sending.snapshot.index >= log.base.index) return sending;
  assert(
    snapshot !== null && snapshot.index >= log.base.index,
    () => `S10: the log begins behind ${log.base.index}, and no snapshot goes so far`,
  );
  progress.sending = new SnapshotSending(snapshot);
  return progress.sending;
}

/** That there is a leader, and nothing else: index 0 matches everywhere, so that it is answered at
 *  once, and says nothing of what is committed. */
function sendHeartbeat(state: RaftState, progress: Progress): void {
  state.outbox.send({
    kind: 'AppendEntries',
    from: state.id,
    to: progress.peer,
    term: state.currentTerm,
    prevLogIndex: INDEX_ZERO,
    prevLogTerm: TERM_ZERO,
    leaderCommit: state.commitIndex,
    entries: [],
  });
}

function sendPiece(
  state: RaftState,
  progress: Progress,
  sending: SnapshotSending,
  offset: number,
  bytes: Uint8Array,
): void {
  sending.sentOffset = offset + bytes.length;
  sending.isWaiting = true;
  progress.pace.spend(bytes.length);
  state.outbox.send({
    kind: 'InstallSnapshot',
    from: state.id,
    to: progress.peer,
    term: state.currentTerm,
    snapshot: sending.snapshot,
    offset,
    bytes,
  });
}

/** One read at a time, in turn: whoever waits for one is behind whoever waits longer. */
export function readSnapshots(state: RaftState, nowMs: number): void {
  if (state.snapshotReading !== null) return;
  const { peers, limits, lastSnapshotReader } = state;
  const first = peers.findIndex(({ peer }) => peer > lastSnapshotReader);
  for (let i = 0; i < peers.length; i++) {
    const progress = peers[(Math.max(first, 0) + i) % peers.length]!;
    const { sending } = progress;
    if (progress.state !== 'snapshot' || sending === null || progress.readFailed) continue;
    const isReady = sending.isStarted && !sending.isWaiting;
    if (!isReady) continue;
    if (sending.offset === sending.snapshot.bytes) {
      // It has all of it, and will say what came of that.
      sending.sentOffset = sending.offset;
      sending.isWaiting = true;
      continue;
    }
    if (!mayFeed(state, nowMs, progress)) continue;
    const request: ReadSnapshot = {
      follower: progress.peer,
      snapshot: sending.snapshot,
      offset: sending.offset,
      bytesMax: limits.snapshotChunkBytesMax,
    };
    state.snapshotReading = request;
    state.lastSnapshotReader = progress.peer;
    state.outbox.snapshotReads.push(request);
    return;
  }
}

/** The bytes have come from disk; they are the follower's only if nothing has changed since. */
export function snapshotRead(
  state: RaftState,
  request: ReadSnapshot,
  bytes: Uint8Array | null,
): void {
  if (state.snapshotReading !== request) return;
  state.snapshotReading = null;
  const progress = state.role === 'leader' ? state.peer(request.follower) : null;
  if (progress === null || progress.state !== 'snapshot') return;
  const { sending } = progress;
  if (sending === null || !isSameSnapshot(sending.snapshot, request.snapshot)) return;
  if (bytes === null || bytes.length === 0) {
    // It is gone, or no longer good. The next heartbeat begins with the newest there is.
    progress.sending = null;
    progress.readFailed = true;
    return;
  }
  assert(
    request.offset + bytes.length <= request.snapshot.bytes,
    () => `${bytes.length} bytes at ${request.offset} of a snapshot of ${request.snapshot.bytes}`,
  );
  const isWanted = sending.isStarted && !sending.isWaiting && sending.offset === request.offset;
  if (isWanted) sendPiece(state, progress, sending, request.offset, bytes);
}

/** The follower has said how much it has. */
export function snapshotAnswered(progress: Progress, response: InstallSnapshotResponse): void {
  const { sending } = progress;
  if (progress.state !== 'snapshot' || sending === null) return;
  const { snapshot } = sending;
  // About another file; or late, about a piece or a question before the last one.
  if (response.snapshotIndex !== snapshot.index || response.snapshotId !== snapshot.id) return;
  if (response.sentOffset !== sending.sentOffset || response.offset > snapshot.bytes) return;
  sending.offset = response.offset;
  sending.isStarted = true;
  sending.isWaiting = false;
}

/** The follower has acknowledged something: does it still need a snapshot? */
export function followSnapshot(state: RaftState, progress: Progress): void {
  if (progress.state !== 'snapshot') return;
  if (progress.matchIndex >= state.log.base.index) progress.becomeReplicate();
  // What it has got ends before the log begins: it has fallen behind again.
  else if (progress.sending !== null && progress.matchIndex >= progress.sending.snapshot.index) {
    progress.sending = null;
  }
}

/** What is being sent to followers that have been heard since `sinceMs`. */
export function snapshotPins(state: RaftState, sinceMs: number): readonly SnapshotInfo[] {
  if (state.role !== 'leader') return [];
  const pins: SnapshotInfo[] = [];
  for (const { state: its, sending, lastHeardMs } of state.peers) {
    if (its === 'replicate' || sending === null || lastHeardMs < sinceMs) continue;
    if (!pins.some((pin) => isSameSnapshot(pin, sending.snapshot))) pins.push(sending.snapshot);
  }
  return pins;
}
