import { Arena } from '../base/arena.ts';
import { assert, unreachable } from '../base/assert.ts';
import { ByteWriter, EMPTY_BYTES, writeU32, writeU64 } from '../base/bytes.ts';
import type { Entry } from '../base/entry.ts';
import type { Incarnation, NodeId } from '../base/ids.ts';
import { native } from '../base/native.ts';
import { historyBytes } from '../base/start-history.ts';
import type { AppendEntries, InstallSnapshot, Message } from '../raft/messages.ts';
import { NONCE_BYTES, type PeerProof, PROOF_BYTES } from './peer-proof.ts';

/**
 * What peers say to each other: frames, little-endian, one after the other, with a header like an
 * entry's (base/entry.ts).
 *
 *     0   u32  CRC-32 of everything behind it, up to the end of the fields
 *     4   u32  length of the whole frame, this header included
 *     8   u8   type
 *     9   u8   format version of this frame (1)
 *     10  u16  bytes of proof at the end of a Hello, Welcome or Refuse (0 or 32); else zero
 *     12  …    fields
 *     …   …    AppendEntries: the entries' records, each with a CRC-32 of its own
 *              InstallSnapshot: the bytes, whose CRC-32 is the last of the fields
 *
 * So every byte is covered once, and nothing is believed, its length included, before its checksum
 * was verified. Hello, Welcome and Refuse keep their fields for ever, so that any two versions can
 * tell each other that they don't match; a later version may add fields behind them. Where the peers
 * share a secret, two Challenges come before them, and each ends in a proof (peer-proof.ts).
 */
export const FRAME_HEADER_BYTES = 12;
export const FRAME_VERSION = 1;
/** The protocol that this code speaks once the handshake is over. 2: snapshots are sent. */
export const PROTOCOL_VERSION = 2;
/** Hello, Welcome and Refuse: a stranger can make nobody keep more. */
export const HANDSHAKE_FRAME_BYTES_MAX = 4096;

export const FrameType = {
  Hello: 1,
  Welcome: 2,
  Refuse: 3,
  Ping: 4,
  Pong: 5,
  Challenge: 6,
  Deny: 7,
  PreVote: 16,
  PreVoteResponse: 17,
  RequestVote: 18,
  RequestVoteResponse: 19,
  AppendEntries: 20,
  AppendEntriesResponse: 21,
  TimeoutNow: 22,
  SuspectResponse: 23,
  Reinstate: 24,
  InstallSnapshot: 25,
  InstallSnapshotResponse: 26,
} as const;
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

/** How both sides of a new stream say who they are and whom they mean. */
export interface Introduction {
  readonly protocolVersion: number;
  readonly fromNode: NodeId;
  readonly toNode: NodeId;
  readonly incarnation: Incarnation;
  /** CRC-32 of the members of the first configuration. */
  readonly membersCrc: number;
  /** Whether the sender takes part: its directory is known not to be an emptied one. */
  readonly admitted: boolean;
  /** 16 bytes; zeros while the sender does not know it. */
  readonly clusterId: Uint8Array;
  /** 16 bytes. */
  readonly directoryId: Uint8Array;
  /** The ids of the directory's last starts, this one's first (base/start-history.ts). Its length
   *  follows from the incarnation. */
  readonly startHistory: Uint8Array;
  readonly fromName: string;
  readonly toName: string;
}

/** The first thing a dialer says; said again when its identity changes. */
export interface Hello {
  readonly kind: 'Hello';
  readonly introduction: Introduction;
}

/** The answer to each Hello; said again when the acceptor's identity changes. */
export interface Welcome {
  readonly kind: 'Welcome';
  readonly introduction: Introduction;
  /** Whether the acceptor has bound the dialer's directory to the dialer's name, durably. (Another
   *  directory under that name is refused.) Once it says so, it takes messages. */
  readonly knowsDialer: boolean;
}

/** The other answer to a Hello, and the last. */
export interface Refuse {
  readonly kind: 'Refuse';
  /** Who refuses. A refusal can be the end of a node, so it matters whose it is. */
  readonly introduction: Introduction;
  /** Stable, in capitals. */
  readonly code: string;
  /** A sentence that says what to do. ASCII. */
  readonly text: string;
}

export interface Ping {
  readonly kind: 'Ping';
}

export interface Pong {
  readonly kind: 'Pong';
}

/** The first thing that either side says where peers share a secret: a nonce, to be proven over. */
export interface Challenge {
  readonly kind: 'Challenge';
  /** 32 bytes. */
  readonly nonce: Uint8Array;
}

/** Why a Hello was not even looked at. Nobody vouches for this: it is for the log only. */
export const DenyCode = {
  /** The acceptor asks for proof, and the dialer gave none. */
  SECRET_MISSING: 1,
  /** The dialer asks for proof, and the acceptor has nothing to prove with. */
  SECRET_UNEXPECTED: 2,
  /** The dialer has another secret. */
  SECRET_WRONG: 3,
} as const;
export type DenyCode = keyof typeof DenyCode;

export interface Deny {
  readonly kind: 'Deny';
  readonly code: DenyCode;
}

/** What came in the place of a handshake that does not end in the proof it should end in: nothing of
 *  it was decoded, and the stream is not read any further. */
export interface Unproven {
  readonly kind: 'Unproven';
  readonly code: DenyCode;
}

/** What came in its place; the stream can't be read any further. */
export interface Defect {
  readonly kind: 'Defect';
  /** For the log. */
  readonly reason: string;
}

export type Handshake = Hello | Welcome | Refuse;
export type Frame = Handshake | Ping | Pong | Challenge | Deny | Unproven | Message | Defect;

/** How many bytes of fields each type has; null: handshakes, which have texts. */
export const fieldBytes: Record<FrameType, number | null> = {
  [FrameType.Hello]: null,
  [FrameType.Welcome]: null,
  [FrameType.Refuse]: null,
  [FrameType.Ping]: 0,
  [FrameType.Pong]: 0,
  [FrameType.Challenge]: NONCE_BYTES,
  [FrameType.Deny]: 1,
  [FrameType.PreVote]: 32,
  [FrameType.PreVoteResponse]: 17,
  [FrameType.RequestVote]: 33,
  [FrameType.RequestVoteResponse]: 17,
  [FrameType.AppendEntries]: 40,
  [FrameType.AppendEntriesResponse]: 49,
  [FrameType.TimeoutNow]: 16,
  [FrameType.SuspectResponse]: 49,
  [FrameType.Reinstate]: 32,
  [FrameType.InstallSnapshot]: 60,
  [FrameType.InstallSnapshotResponse]: 56,
};

/** A proof covers a frame from its type on: its length is only known when the proof is in it. */
export const PROVEN_FROM = 8;
const ENTRIES_AT = FRAME_HEADER_BYTES + 40;
const CHUNK_AT = FRAME_HEADER_BYTES + 60;

export const PING: Uint8Array = emptyFrame(FrameType.Ping);
export const PONG: Uint8Array = emptyFrame(FrameType.Pong);

/** @param proof what to end the frame with, where the peers share a secret. */
export function encodeHandshake(frame: Handshake, proof: PeerProof | null = null): Uint8Array {
  const proofBytes = proof === null ? 0 : PROOF_BYTES;
  const out = new ByteWriter().u32(0).u32(0).u8(FrameType[frame.kind]).u8(FRAME_VERSION);
  const { introduction } = frame;
  assert(
    introduction.startHistory.length === historyBytes(introduction.incarnation),
    () => `${introduction.startHistory.length} bytes of history`,
  );
  out.u16(proofBytes);
  out.u16(introduction.protocolVersion).u32(introduction.fromNode).u32(introduction.toNode);
  out.u64(introduction.incarnation).raw(introduction.startHistory).u32(introduction.membersCrc);
  out
    .u8(introduction.admitted ? 1 : 0)
    .raw(introduction.clusterId)
    .raw(introduction.directoryId);
  out.text(introduction.fromName).text(introduction.toName);
  if (frame.kind === 'Welcome') out.u8(frame.knowsDialer ? 1 : 0);
  if (frame.kind === 'Refuse') out.text(frame.code).text(frame.text);
  if (proof !== null) out.raw(proof.seal(out.copy().subarray(PROVEN_FROM)));
  const bytes = out.copy();
  assert(bytes.length <= HANDSHAKE_FRAME_BYTES_MAX, () => `a handshake of ${bytes.length} bytes`);
  writeU32(bytes, 4, bytes.length);
  return sealFrame(bytes, bytes.length);
}

export function encodeChallenge(nonce: Uint8Array): Uint8Array {
  assert(nonce.length === NONCE_BYTES, () => `a nonce of ${nonce.length} bytes`);
  const bytes = headFrame(new Uint8Array(FRAME_HEADER_BYTES + NONCE_BYTES), FrameType.Challenge);
  bytes.set(nonce, FRAME_HEADER_BYTES);
  return sealFrame(bytes, bytes.length);
}

export function encodeDeny(code: DenyCode): Uint8Array {
  const bytes = headFrame(new Uint8Array(FRAME_HEADER_BYTES + 1), FrameType.Deny);
  bytes[FRAME_HEADER_BYTES] = DenyCode[code];
  return sealFrame(bytes, bytes.length);
}

/** Frames come from blocks of this size: an allocation for each costs more than to fill it. */
const ARENA_BYTES = 256 * 1024;

/**
 * Encodes messages, each into one piece of memory of its own. A leader sends the same array of entries to
 * all of its followers: its bytes are gathered once, and copied as one piece from then on.
 */
export class FrameEncoder {
  private lastEntries: readonly Entry[] | null = null;
  private lastRegion: Uint8Array = EMPTY_BYTES;
  private readonly arena = new Arena(ARENA_BYTES);

  encode(message: Message): Uint8Array {
    switch (message.kind) {
      case 'PreVote': {
        const bytes = this.messageFrame(FrameType.PreVote, message, 32);
        writeU64(bytes, 28, message.lastLogIndex);
        writeU64(bytes, 36, message.lastLogTerm);
        return sealFrame(bytes, bytes.length);
      }
      case 'RequestVote': {
        const bytes = this.messageFrame(FrameType.RequestVote, message, 33);
        writeU64(bytes, 28, message.lastLogIndex);
        writeU64(bytes, 36, message.lastLogTerm);
        bytes[44] = message.leadershipTransfer ? 1 : 0;
        return sealFrame(bytes, bytes.length);
      }
      case 'PreVoteResponse':
      case 'RequestVoteResponse': {
        const bytes = this.messageFrame(FrameType[message.kind], message, 17);
        bytes[28] = message.voteGranted ? 1 : 0;
        return sealFrame(bytes, bytes.length);
      }
      case 'AppendEntries':
        return this.appendEntries(message);
      case 'AppendEntriesResponse':
      case 'SuspectResponse': {
        const bytes = this.messageFrame(FrameType[message.kind], message, 49);
        writeU64(bytes, 28, message.incarnation);
        writeU64(bytes, 36, message.matchIndex);
        writeU64(bytes, 44, message.hintIndex);
        writeU64(bytes, 52, message.hintTerm);
        bytes[60] = message.success ? 1 : 0;
        return sealFrame(bytes, bytes.length);
      }
      case 'TimeoutNow': {
        const bytes = this.messageFrame(FrameType.TimeoutNow, message, 16);
        return sealFrame(bytes, bytes.length);
      }
      case 'Reinstate': {
        const bytes = this.messageFrame(FrameType.Reinstate, message, 32);
        writeU64(bytes, 28, message.incarnation);
        writeU64(bytes, 36, message.wholeIndex);
        return sealFrame(bytes, bytes.length);
      }
      case 'InstallSnapshot':
        return this.installSnapshot(message);
      case 'InstallSnapshotResponse': {
        const bytes = this.messageFrame(FrameType.InstallSnapshotResponse, message, 56);
        writeU64(bytes, 28, message.incarnation);
        writeU64(bytes, 36, message.snapshotIndex);
        writeU64(bytes, 44, message.snapshotId);
        writeU64(bytes, 52, message.offset);
        writeU64(bytes, 60, message.sentOffset);
        return sealFrame(bytes, bytes.length);
      }
      default:
        return unreachable(message);
    }
  }

  /** The bytes are copied: the message's own are free when this returns. */
  private installSnapshot(message: InstallSnapshot): Uint8Array {
    const { snapshot, offset, bytes: chunk } = message;
    const bytes = this.messageFrame(FrameType.InstallSnapshot, message, 60 + chunk.length);
    writeU64(bytes, 28, snapshot.index);
    writeU64(bytes, 36, snapshot.term);
    writeU64(bytes, 44, snapshot.id);
    writeU64(bytes, 52, snapshot.bytes);
    writeU64(bytes, 60, offset);
    writeU32(bytes, 68, native.crc32(chunk, 0, chunk.length, 0));
    bytes.set(chunk, CHUNK_AT);
    return sealFrame(bytes, CHUNK_AT);
  }

  private appendEntries(message: AppendEntries): Uint8Array {
    const { entries } = message;
    const known = entries === this.lastEntries;
    const regionBytes = known ? this.lastRegion.length : recordBytes(entries);
    const bytes = this.messageFrame(FrameType.AppendEntries, message, 40 + regionBytes);
    writeU64(bytes, 28, message.prevLogIndex);
    writeU64(bytes, 36, message.prevLogTerm);
    writeU64(bytes, 44, message.leaderCommit);
    if (known) {
      bytes.set(this.lastRegion, ENTRIES_AT);
    } else {
      let at = ENTRIES_AT;
      for (const { record } of entries) {
        bytes.set(record, at);
        at += record.length;
      }
      if (entries.length > 0) {
        this.lastEntries = entries;
        this.lastRegion = bytes.subarray(ENTRIES_AT);
      }
    }
    return sealFrame(bytes, ENTRIES_AT);
  }

  /** A frame with its header, but for the checksum, and the fields that every message begins with. */
  private messageFrame(type: FrameType, message: Message, bodyBytes: number): Uint8Array {
    const bytes = headFrame(this.arena.take(FRAME_HEADER_BYTES + bodyBytes), type);
    writeU32(bytes, 12, message.from);
    writeU32(bytes, 16, message.to);
    writeU64(bytes, 20, message.term);
    return bytes;
  }
}

function headFrame(bytes: Uint8Array, type: FrameType): Uint8Array {
  writeU32(bytes, 4, bytes.length);
  bytes[8] = type;
  bytes[9] = FRAME_VERSION;
  return bytes;
}

function emptyFrame(type: FrameType): Uint8Array {
  return sealFrame(headFrame(new Uint8Array(FRAME_HEADER_BYTES), type), FRAME_HEADER_BYTES);
}

/** Fills in the checksum of a frame whose fields end at `fieldsEnd`. */
function sealFrame(bytes: Uint8Array, fieldsEnd: number): Uint8Array {
  writeU32(bytes, 0, native.crc32(bytes, 4, fieldsEnd, 0));
  return bytes;
}

function recordBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const { record } of entries) bytes += record.length;
  return bytes;
}
