import type { ByteReader } from '../base/bytes.ts';
import {
  type Incarnation,
  incarnation,
  index,
  NO_INCARNATION,
  type NodeId,
  nodeId,
  type Term,
  term,
} from '../base/ids.ts';
import { native } from '../base/native.ts';
import { historyBytes } from '../base/start-history.ts';
import type { Message } from '../raft/messages.ts';
import { type Defect, DenyCode, type Frame, FrameType, type Introduction } from './frames.ts';
import { NONCE_BYTES } from './peer-proof.ts';

// What the fields of each frame mean. The reader (frame-reader.ts) has found where they begin and end,
// and that their checksum holds.

const denyCodes = new Map<number, DenyCode>(
  Object.entries(DenyCode).map(([name, code]) => [code, name as DenyCode]),
);
const ID_BYTES = 16;
const NAME_BYTES_MAX = 64;

export function decodeOpening(type: FrameType, read: ByteReader): Frame {
  // Copied: it is kept for as long as the stream lives.
  if (type === FrameType.Challenge) {
    return { kind: 'Challenge', nonce: read.slice(NONCE_BYTES).slice() };
  }
  const code = denyCodes.get(read.u8());
  return code === undefined ? defect('Deny frame of unknown code') : { kind: 'Deny', code };
}

export function decodeResponse(
  kind: 'AppendEntriesResponse' | 'SuspectResponse',
  from: NodeId,
  to: NodeId,
  its: Term,
  read: ByteReader,
): Message {
  const life = incarnation(read.u64());
  const matchIndex = index(read.u64());
  const hintIndex = index(read.u64());
  const hintTerm = term(read.u64());
  const success = flag(read);
  return {
    kind,
    from,
    to,
    term: its,
    incarnation: life,
    success,
    matchIndex,
    hintIndex,
    hintTerm,
  };
}

/** A snapshot covers entries, of terms that the leader has seen; and the piece lies within it. The
 *  core relies on it. The bytes are a slice of what this reader has copied: whoever gets the message
 *  may keep them. */
export function decodeInstallSnapshot(
  from: NodeId,
  to: NodeId,
  leaderTerm: Term,
  read: ByteReader,
): Message | Defect {
  const its = { index: index(read.u64()), term: term(read.u64()) };
  const snapshot = { ...its, id: read.u64(), bytes: read.u64() };
  const offset = read.u64();
  const crc = read.u32();
  const bytes = read.slice(read.end - read.at);
  if (!read.ok) return defect('InstallSnapshot frame with bad fields');
  if (native.crc32(bytes, 0, bytes.length, 0) !== crc) {
    return defect('InstallSnapshot with a wrong checksum of its bytes');
  }
  if (snapshot.index === 0 || snapshot.term === 0 || snapshot.term > leaderTerm) {
    return defect(`InstallSnapshot of ${snapshot.index}, term ${snapshot.term} of ${leaderTerm}`);
  }
  if (offset + bytes.length > snapshot.bytes) {
    return defect(`InstallSnapshot beyond the end: ${offset} + ${bytes.length}`);
  }
  return { kind: 'InstallSnapshot', from, to, term: leaderTerm, snapshot, offset, bytes };
}

export function decodeInstallSnapshotResponse(
  from: NodeId,
  to: NodeId,
  its: Term,
  read: ByteReader,
): Message {
  const life = incarnation(read.u64());
  const snapshotIndex = index(read.u64());
  const snapshotId = read.u64();
  const offset = read.u64();
  const sentOffset = read.u64();
  return {
    kind: 'InstallSnapshotResponse',
    from,
    to,
    term: its,
    incarnation: life,
    snapshotIndex,
    snapshotId,
    offset,
    sentOffset,
  };
}

/** What follows the known fields was added by a later version. */
export function decodeHandshake(type: FrameType, read: ByteReader): Frame {
  const introduction = decodeIntroduction(read);
  if (type === FrameType.Refuse) {
    return { kind: 'Refuse', introduction, code: read.text(), text: read.text() };
  }
  if (type === FrameType.Hello) return { kind: 'Hello', introduction };
  return { kind: 'Welcome', introduction, knowsDialer: flag(read) };
}

/** Its ids are copied: they are kept for as long as the stream lives. */
function decodeIntroduction(read: ByteReader): Introduction {
  const protocolVersion = read.u16();
  const fromNode = nodeId(read.u32());
  const toNode = nodeId(read.u32());
  const its: Incarnation = incarnation(read.u64());
  // Whoever speaks has started.
  if (its === NO_INCARNATION) read.ok = false;
  const startHistory = read.slice(historyBytes(its)).slice();
  const membersCrc = read.u32();
  const admitted = flag(read);
  const clusterId = read.slice(ID_BYTES).slice();
  const directoryId = read.slice(ID_BYTES).slice();
  const fromName = memberName(read);
  const toName = memberName(read);
  return {
    protocolVersion,
    fromNode,
    toNode,
    incarnation: its,
    membersCrc,
    admitted,
    clusterId,
    directoryId,
    startHistory,
    fromName,
    toName,
  };
}

/** Bounded, because it is repeated in the texts of refusals. */
function memberName(read: ByteReader): string {
  const name = read.text();
  if (name.length === 0 || name.length > NAME_BYTES_MAX) read.ok = false;
  return name;
}

/** A byte that must be 0 or 1. */
export function flag(read: ByteReader): boolean {
  const byte = read.u8();
  if (byte > 1) read.ok = false;
  return byte === 1;
}

export function defect(reason: string): Defect {
  return { kind: 'Defect', reason };
}
