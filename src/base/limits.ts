import { assert } from './assert.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Everything that grows has a bound, and every bound stands here. Sizes in bytes, times in ms. */
export interface Limits {
  /** A key is 1 to this many bytes. */
  readonly keyBytesMax: number;
  /** A value is 0 to this many bytes. */
  readonly valueBytesMax: number;
  /** One entry of the log, header included. */
  readonly entryBytesMax: number;
  /** Keys that one command names: so many are looked up, written or deleted in one go. */
  readonly commandKeysMax: number;
  /** Whether the door lets FLUSHALL and FLUSHDB in: the widest a command can reach. */
  readonly allowFlushall: boolean;

  /** The entries of one AppendEntries; a single larger entry still travels alone. */
  readonly appendEntriesBytesMax: number;
  /** The entries of one that are read back from disk for a laggard: to decode them holds up everybody
   *  who is not one. */
  readonly readBackBytesMax: number;
  /** How fast a follower that is far behind is fed, where nobody waits for it: the bytes of entries and
   *  of snapshots, and what counts like them. When the log grows, faster (raft/catch-up.ts). */
  readonly catchUpBytesPerSecond: number;
  /** AppendEntries on their way to one follower, unanswered. */
  readonly inflightMessagesMax: number;
  /** Bytes of entries on their way to one follower, unanswered. */
  readonly inflightBytesMax: number;
  /** Appended by this leader and not yet committed: above it, clients get TRYAGAIN. */
  readonly uncommittedBytesMax: number;
  /** Applied and durable entries that stay in memory for followers that are slightly behind. */
  readonly logWindowBytesMax: number;

  /** One file of the log. */
  readonly segmentBytes: number;
  /** What one fsync makes durable. */
  readonly batchBytesMax: number;
  /** Read from the log beyond what is asked for: its index is sparse, so a read begins too early, and
   *  batches add to their entries. */
  readonly readAheadBytes: number;
  /** A snapshot is due when the log has grown by this since the last one … */
  readonly snapshotLogBytesMin: number;
  /** … and by this many times that one's size: so what is written for snapshots is a bounded part of
   *  what is written for the log, and the log a bounded part of the state. */
  readonly snapshotLogFactor: number;
  /** What a turn reads of the state that is being written down: a pause of well below a millisecond. */
  readonly snapshotSliceBytes: number;
  /** What of a snapshot is read, sent and written at a time: so much a follower, however many. */
  readonly snapshotChunkBytesMax: number;

  /** Requests of all clients that wait for a leader or for their entry to be applied. */
  readonly pendingRequestsMax: number;
  /** Bytes of those requests. */
  readonly pendingBytesMax: number;
  /** Clients connected at a time. */
  readonly clientsMax: number;
  /** Connections that this side has ended and the other side has not: above it, a client for whom
   *  there is no room is not even told so. */
  readonly clientRefusalsMax: number;
  /** Descriptors that no client gets: for files, peers, strangers and refusals. */
  readonly descriptorsReserved: number;
  /** What all clients together may hold in memory: requests that are not whole, replies not read. */
  readonly clientsBytesMax: number;
  /** The part of it that those may hold who have not said a single command yet. */
  readonly clientStrangersBytesMax: number;
  /** For the first command. */
  readonly clientStrangerMs: number;
  /** For the first command when somebody else waits for the place. */
  readonly clientStrangerGraceMs: number;
  /** For the other side to close a connection that this side has ended, or to read on from it. */
  readonly clientLingerMs: number;
  /** Arguments of one command: to make as many objects is the longest that a parser may take. */
  readonly argumentsMax: number;
  /** Replies one client has not read yet: above it, it is disconnected. */
  readonly clientOutputBytesMax: number;
  /** Above this much unread output, or this many unanswered commands, or this many bytes of them, a
   *  client is not read from: or one that pipelines would fill the log, and all others wait behind. */
  readonly clientPauseOutputBytes: number;
  readonly clientPipelineMax: number;
  readonly clientPipelineBytesMax: number;
  /** Streams to the peers' port whose dialer has not said who it is, or was refused. */
  readonly peerStrangersMax: number;
  /** One frame between peers. */
  readonly peerFrameBytesMax: number;
  /** Written to a peer and not yet taken by the network: above it, messages are dropped. */
  readonly peerOutputBytesMax: number;
}

export const defaultLimits: Limits = {
  keyBytesMax: 8 * KIB,
  valueBytesMax: 1 * MIB,
  entryBytesMax: 3 * MIB,
  commandKeysMax: 1024,
  allowFlushall: false,
  appendEntriesBytesMax: 512 * KIB,
  readBackBytesMax: 64 * KIB,
  catchUpBytesPerSecond: 20 * MIB,
  inflightMessagesMax: 64,
  inflightBytesMax: 8 * MIB,
  uncommittedBytesMax: 64 * MIB,
  logWindowBytesMax: 2 * MIB,
  segmentBytes: 16 * MIB,
  batchBytesMax: 4 * MIB,
  readAheadBytes: 128 * KIB,
  snapshotLogBytesMin: 64 * MIB,
  snapshotLogFactor: 1,
  snapshotSliceBytes: 64 * KIB,
  snapshotChunkBytesMax: 256 * KIB,
  pendingRequestsMax: 65_536,
  pendingBytesMax: 128 * MIB,
  clientsMax: 10_000,
  clientRefusalsMax: 128,
  descriptorsReserved: 320,
  clientsBytesMax: 256 * MIB,
  clientStrangersBytesMax: 64 * MIB,
  clientStrangerMs: 60_000,
  clientStrangerGraceMs: 1000,
  clientLingerMs: 2000,
  argumentsMax: 32_768,
  clientOutputBytesMax: 64 * MIB,
  clientPauseOutputBytes: 1 * MIB,
  clientPipelineMax: 1024,
  clientPipelineBytesMax: 1 * MIB,
  peerStrangersMax: 64,
  peerFrameBytesMax: 8 * MIB,
  peerOutputBytesMax: 32 * MIB,
};

/** The relations that must hold between limits. Throws an AssertionError that names the broken one. */
export function checkLimits(limits: Limits): void {
  const holds = (ok: boolean, relation: string) => assert(ok, () => `limits: ${relation}`);
  holds(limits.keyBytesMax >= 1, 'keyBytesMax >= 1');
  holds(
    limits.entryBytesMax >= 2 * limits.valueBytesMax + limits.keyBytesMax + 256,
    'entryBytesMax holds a key, a value and a value to compare with',
  );
  holds(
    limits.batchBytesMax >= limits.entryBytesMax + KIB,
    'batchBytesMax holds the largest entry and its headers',
  );
  holds(
    limits.segmentBytes >= limits.batchBytesMax + 2 * KIB,
    'segmentBytes holds the largest batch and the headers',
  );
  holds(limits.segmentBytes % 512 === 0, 'segmentBytes is a multiple of 512');
  holds(
    limits.peerFrameBytesMax >= limits.entryBytesMax + limits.appendEntriesBytesMax + KIB,
    'peerFrameBytesMax holds the largest AppendEntries',
  );
  holds(limits.snapshotSliceBytes >= 1, 'snapshotSliceBytes >= 1');
  holds(
    limits.peerFrameBytesMax >= limits.snapshotChunkBytesMax + KIB,
    'peerFrameBytesMax holds a piece of a snapshot',
  );
  holds(limits.catchUpBytesPerSecond >= KIB, 'catchUpBytesPerSecond >= KIB');
  holds(limits.inflightMessagesMax >= 1, 'inflightMessagesMax >= 1');
  holds(
    limits.peerOutputBytesMax >= limits.inflightBytesMax + limits.peerFrameBytesMax,
    'peerOutputBytesMax holds the window of a follower',
  );
  holds(
    limits.clientPauseOutputBytes < limits.clientOutputBytesMax,
    'clientPauseOutputBytes < clientOutputBytesMax',
  );
  holds(limits.clientsMax >= 1, 'clientsMax >= 1');
  holds(
    limits.descriptorsReserved >= limits.clientRefusalsMax + limits.peerStrangersMax + 64,
    'descriptorsReserved holds refusals, strangers at the peers, files and peers',
  );
  holds(
    limits.clientStrangersBytesMax >= 4 * limits.entryBytesMax,
    'clientStrangersBytesMax holds the largest request, in a buffer that has doubled',
  );
  holds(
    limits.clientsBytesMax >= limits.clientStrangersBytesMax + limits.clientOutputBytesMax,
    'clientsBytesMax holds the output of a client beside the strangers',
  );
  holds(
    limits.clientStrangerGraceMs <= limits.clientStrangerMs,
    'clientStrangerGraceMs <= clientStrangerMs',
  );
}
