import { Arena } from '../base/arena.ts';
import { ByteReader, EMPTY_BYTES, readU32 } from '../base/bytes.ts';
import { decodeEntry, type Entry } from '../base/entry.ts';
import {
  type Index,
  incarnation,
  index,
  indexPlus,
  type NodeId,
  nodeId,
  type Term,
  term,
} from '../base/ids.ts';
import type { Limits } from '../base/limits.ts';
import { native } from '../base/native.ts';
import type { Message } from '../raft/messages.ts';
import {
  decodeHandshake,
  decodeInstallSnapshot,
  decodeInstallSnapshotResponse,
  decodeOpening,
  decodeResponse,
  defect,
  flag,
} from './frame-fields.ts';
import {
  type Defect,
  type DenyCode,
  FRAME_HEADER_BYTES,
  FRAME_VERSION,
  type Frame,
  FrameType,
  fieldBytes,
  HANDSHAKE_FRAME_BYTES_MAX,
  PROVEN_FROM,
  type Unproven,
} from './frames.ts';
import { type PeerProof, PROOF_BYTES } from './peer-proof.ts';

const PING: Frame = { kind: 'Ping' };
const PONG: Frame = { kind: 'Pong' };
const typeNames = new Map<number, keyof typeof FrameType>(
  Object.entries(FrameType).map(([name, type]) => [type, name as keyof typeof FrameType]),
);
/** Some chunks of a peer that sends much. */
const ARENA_BYTES = 256 * 1024;

/**
 * Reads frames out of the chunks of a stream. A frame within one chunk is read where it lies, and
 * its entries are slices of it; one that spans chunks is gathered once. What it keeps of a frame
 * that has not ended is at most twice what has arrived of it.
 */
export class FrameReader {
  private readonly limits: Limits;
  private readonly arena = new Arena(ARENA_BYTES);
  /** What each handshake must end with; null: nothing, and none may. */
  private readonly proof: PeerProof | null;
  private chunk: Uint8Array = EMPTY_BYTES;
  private at = 0;
  /** The beginning of a frame whose end has not arrived, in a buffer that grows. */
  private partial: Uint8Array = EMPTY_BYTES;
  private partialBytes = 0;
  private handshaking = true;
  private failed = false;

  constructor(limits: Limits, proof: PeerProof | null = null) {
    this.limits = limits;
    this.proof = proof;
  }

  /** Until this is called, anything but a handshake, a ping or a pong is a defect. */
  allowMessages(): void {
    this.handshaking = false;
  }

  /** Takes the next chunk, as a copy, because entries that are slices of it stay in memory. `next`
   *  must have returned null since the last. */
  feed(chunk: Uint8Array): void {
    // A stranger is not worth a block.
    this.chunk = this.handshaking ? chunk.slice() : this.copy(chunk);
    this.at = 0;
  }

  private copy(chunk: Uint8Array): Uint8Array {
    const piece = this.arena.take(chunk.length);
    piece.set(chunk);
    return piece;
  }

  /** The next frame. Null when more bytes are needed, and for ever after a defect, or a handshake
   *  without its proof. */
  next(): Frame | null {
    if (this.failed) return null;
    const frame = this.partialBytes === 0 ? this.nextWithin() : this.nextSpanning();
    if (frame?.kind === 'Defect' || frame?.kind === 'Unproven') this.failed = true;
    return frame;
  }

  private nextWithin(): Frame | null {
    const { chunk, at } = this;
    const available = chunk.length - at;
    if (available === 0) return null;
    const needed = this.bytesNeeded(chunk, at, chunk.length);
    if (typeof needed !== 'number') return needed;
    if (needed <= available) {
      this.at = at + needed;
      return this.decode(chunk, at, at + needed);
    }
    this.gather(needed);
    return null;
  }

  private nextSpanning(): Frame | null {
    for (;;) {
      const needed = this.bytesNeeded(this.partial, 0, this.partialBytes);
      if (typeof needed !== 'number') return needed;
      if (needed <= this.partialBytes) {
        const bytes = this.partial;
        this.partial = EMPTY_BYTES;
        this.partialBytes = 0;
        return this.decode(bytes, 0, needed);
      }
      if (!this.gather(needed)) return null;
    }
  }

  /** Moves bytes of the chunk into `partial` until that holds `needed`. Tells whether it does. */
  private gather(needed: number): boolean {
    const { chunk, at } = this;
    const more = Math.min(needed - this.partialBytes, chunk.length - at);
    const total = this.partialBytes + more;
    if (total > this.partial.length) {
      const grown = new Uint8Array(Math.max(total, Math.min(needed, 2 * total)));
      grown.set(this.partial.subarray(0, this.partialBytes));
      this.partial = grown;
    }
    this.partial.set(chunk.subarray(at, at + more), this.partialBytes);
    this.partialBytes = total;
    this.at = at + more;
    return total === needed;
  }

  /**
   * How many bytes the frame at `at` must have before the next thing can be decided about it: its
   * header, then its fields, then, once the checksum was seen to hold, all of it.
   */
  private bytesNeeded(bytes: Uint8Array, at: number, end: number): number | Defect {
    const available = end - at;
    if (available < FRAME_HEADER_BYTES) return FRAME_HEADER_BYTES;
    const length = readU32(bytes, at + 4);
    const type = bytes[at + 8]!;
    const version = bytes[at + 9]!;
    const name = typeNames.get(type);
    if (name === undefined) return defect(`frame of unknown type ${type}`);
    if (version !== FRAME_VERSION) return defect(`${name} frame of unknown version ${version}`);
    const fixed = fieldBytes[FrameType[name]];
    const proofBytes = bytes[at + 10]!;
    const isClean = proofBytes === 0 || (fixed === null && proofBytes === PROOF_BYTES);
    if (!isClean || bytes[at + 11] !== 0) return defect(`${name} frame, not clean`);
    if (this.handshaking && type >= FrameType.PreVote) return defect(`${name} before a handshake`);
    const fieldsEnd = fixed === null ? length : FRAME_HEADER_BYTES + fixed;
    const lengthMin = Math.max(fieldsEnd, FRAME_HEADER_BYTES + proofBytes);
    if (length < lengthMin || length > this.lengthMax(FrameType[name], fieldsEnd)) {
      return defect(`${name} frame of ${length} bytes`);
    }
    if (available < fieldsEnd) return fieldsEnd;
    if (native.crc32(bytes, at + 4, at + fieldsEnd, 0) !== readU32(bytes, at)) {
      return defect(`${name} frame with a wrong checksum`);
    }
    return length;
  }

  private lengthMax(type: FrameType, fieldsEnd: number): number {
    if (type === FrameType.AppendEntries) return this.limits.peerFrameBytesMax;
    if (type === FrameType.InstallSnapshot) return fieldsEnd + this.limits.snapshotChunkBytesMax;
    return fieldBytes[type] === null ? HANDSHAKE_FRAME_BYTES_MAX : fieldsEnd;
  }

  /** Decodes a whole frame whose checksum holds. */
  private decode(bytes: Uint8Array, at: number, end: number): Frame {
    const type = bytes[at + 8] as FrameType;
    if (type === FrameType.Ping) return PING;
    if (type === FrameType.Pong) return PONG;
    const proofBytes = bytes[at + 10]!;
    const fieldsEnd = end - proofBytes;
    const read = new ByteReader(bytes, at + FRAME_HEADER_BYTES, fieldsEnd);
    let frame: Frame;
    if (type >= FrameType.PreVote) {
      frame = this.decodeMessage(type, read);
    } else if (type === FrameType.Challenge || type === FrameType.Deny) {
      frame = decodeOpening(type, read);
    } else {
      const frameBytes = bytes.subarray(at + PROVEN_FROM, fieldsEnd);
      const unproven = this.unproven(frameBytes, bytes.subarray(fieldsEnd, end));
      if (unproven !== null) return unproven;
      frame = decodeHandshake(type, read);
    }
    return read.ok ? frame : defect(`${typeNames.get(type)} frame with bad fields`);
  }

  /** What is wrong with the proof of a handshake; null: nothing. */
  private unproven(frame: Uint8Array, proof: Uint8Array): Unproven | null {
    const because = (code: DenyCode): Unproven => ({ kind: 'Unproven', code });
    if (this.proof === null) return proof.length === 0 ? null : because('SECRET_UNEXPECTED');
    if (proof.length === 0) return because('SECRET_MISSING');
    return this.proof.holds(frame, proof) ? null : because('SECRET_WRONG');
  }

  private decodeMessage(type: FrameType, read: ByteReader): Message | Defect {
    const from = nodeId(read.u32());
    const to = nodeId(read.u32());
    const its = term(read.u64());
    switch (type) {
      case FrameType.PreVote: {
        const lastLogIndex = index(read.u64());
        const lastLogTerm = term(read.u64());
        return { kind: 'PreVote', from, to, term: its, lastLogIndex, lastLogTerm };
      }
      case FrameType.PreVoteResponse:
        return { kind: 'PreVoteResponse', from, to, term: its, voteGranted: flag(read) };
      case FrameType.RequestVote: {
        const lastLogIndex = index(read.u64());
        const lastLogTerm = term(read.u64());
        const leadershipTransfer = flag(read);
        return {
          kind: 'RequestVote',
          from,
          to,
          term: its,
          lastLogIndex,
          lastLogTerm,
          leadershipTransfer,
        };
      }
      case FrameType.RequestVoteResponse:
        return { kind: 'RequestVoteResponse', from, to, term: its, voteGranted: flag(read) };
      case FrameType.AppendEntries:
        return this.decodeAppendEntries(from, to, its, read);
      case FrameType.AppendEntriesResponse:
        return decodeResponse('AppendEntriesResponse', from, to, its, read);
      case FrameType.SuspectResponse:
        return decodeResponse('SuspectResponse', from, to, its, read);
      case FrameType.InstallSnapshot:
        return decodeInstallSnapshot(from, to, its, read);
      case FrameType.InstallSnapshotResponse:
        return decodeInstallSnapshotResponse(from, to, its, read);
      case FrameType.Reinstate: {
        const life = incarnation(read.u64());
        const wholeIndex = index(read.u64());
        return { kind: 'Reinstate', from, to, term: its, incarnation: life, wholeIndex };
      }
      default:
        return { kind: 'TimeoutNow', from, to, term: its };
    }
  }

  /** The entries must be what a log can hold behind `prevLogIndex`: contiguous, in terms that never
   *  fall and are not above the leader's. The core relies on it. */
  private decodeAppendEntries(
    from: NodeId,
    to: NodeId,
    leaderTerm: Term,
    read: ByteReader,
  ): Message | Defect {
    const prevLogIndex = index(read.u64());
    const prevLogTerm = term(read.u64());
    const leaderCommit = index(read.u64());
    if (prevLogTerm > leaderTerm) return defect('AppendEntries behind an entry of a later term');
    const entries: Entry[] = [];
    let nextIndex: Index = indexPlus(prevLogIndex, 1);
    let lastTerm = prevLogTerm;
    let at = read.at;
    while (read.ok && at < read.end) {
      const entry = decodeEntry(read.bytes, at, read.end, this.limits.entryBytesMax);
      if (typeof entry === 'string') return defect(`AppendEntries with a bad entry: ${entry}`);
      if (entry.index !== nextIndex) {
        return defect(`AppendEntries with entry ${entry.index} in the place of ${nextIndex}`);
      }
      if (entry.term < lastTerm || entry.term > leaderTerm) {
        return defect(
          `AppendEntries of term ${leaderTerm} with term ${entry.term} behind ${lastTerm}`,
        );
      }
      entries.push(entry);
      nextIndex = indexPlus(nextIndex, 1);
      lastTerm = entry.term;
      at += entry.record.length;
    }
    return {
      kind: 'AppendEntries',
      from,
      to,
      term: leaderTerm,
      prevLogIndex,
      prevLogTerm,
      leaderCommit,
      entries,
    };
  }
}
