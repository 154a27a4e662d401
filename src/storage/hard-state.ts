import { assert } from '../base/assert.ts';
import {
  ByteReader,
  ByteWriter,
  byteString,
  EMPTY_BYTES,
  readU32,
  writeU32,
} from '../base/bytes.ts';
import {
  type Incarnation,
  incarnation,
  NO_INCARNATION,
  NOBODY,
  type NodeId,
  nodeId,
  TERM_ZERO,
  term,
} from '../base/ids.ts';
import { native } from '../base/native.ts';
import type { HardState } from '../base/persist.ts';
import { historyBytes, START_ID_BYTES } from '../base/start-history.ts';
import { DIRECTORY_ID_BYTES, type LogPosition, SEGMENT_HEADER_BYTES } from './segment.ts';

/** What the caller decides when a data directory is made. */
export interface NewDirectory {
  readonly nodeId: NodeId;
  /** As in the configuration; a byte string. */
  readonly name: string;
  /** 16 random bytes: the directory's identity for ever. */
  readonly directoryId: Uint8Array;
  /** Opaque: the members this node was first started with. At most MEMBERS_IMAGE_BYTES_MAX. */
  readonly membersImage: Uint8Array;
}

/** Another member's directory, as this one has come to know it. */
export interface Binding {
  readonly nodeId: NodeId;
  readonly directoryId: Uint8Array;
  readonly incarnation: Incarnation;
  /** The id of that start (base/start-history.ts). */
  readonly startId: Uint8Array;
}

/** All that a directory remembers beside its log. */
export interface DurableState extends HardState, NewDirectory {
  /** Zeros while it is not known. */
  readonly clusterId: Uint8Array;
  /** How often the directory has been opened: 1 at its first start. */
  readonly incarnation: Incarnation;
  /** The ids of its last starts, this one's first (base/start-history.ts). */
  readonly startHistory: Uint8Array;
  /** Whether its name was found free, so that others may bind it to this directory. */
  readonly admitted: boolean;
  /** Whether so many have bound it that it may vote and acknowledge (docs/admission.md). */
  readonly established: boolean;
  /** Another member knew a later start than this directory remembers, or another directory: it has
   *  forgotten promises, and is never opened again. */
  readonly disowned: boolean;
  readonly bindings: readonly Binding[];
}

/** What a slot holds: the state, and the manifest of the log. */
export interface StateImage {
  /** Grows by one with every update. The slot with the larger one is the newer. */
  readonly sequence: number;
  readonly firstSegment: number;
  /** A batch goes into a segment only once the manifest names it. */
  readonly lastSegment: number;
  /** All of the log before it was synced when this was written. */
  readonly mark: LogPosition;
  readonly state: DurableState;
}

export const SLOT_BYTES = 4096;
export const SLOT_NAMES = ['state.0', 'state.1'] as const;
/** The first slot of a directory that is being made, until all else in it is durable. */
export const NEW_STATE_NAME = 'state.new';
export const MEMBERS_IMAGE_BYTES_MAX = 2048;
export const BINDINGS_MAX = 16;
export const NAME_BYTES_MAX = 255;
const CLUSTER_ID_BYTES = 16;
const MAGIC = 'DKVSHARD';
const VERSION = 1;
const FLAG_ADMITTED = 1;
const FLAG_DISOWNED = 2;
const FLAG_SUSPECT = 4;
const FLAG_ESTABLISHED = 8;
const ALL_FLAGS = FLAG_ADMITTED + FLAG_DISOWNED + FLAG_SUSPECT + FLAG_ESTABLISHED;

export function firstImage(directory: NewDirectory): StateImage {
  const { nodeId, name, directoryId, membersImage } = directory;
  return {
    sequence: 1,
    firstSegment: 1,
    lastSegment: 1,
    mark: { segmentId: 1, offset: SEGMENT_HEADER_BYTES },
    state: {
      nodeId,
      name,
      directoryId,
      membersImage,
      clusterId: new Uint8Array(CLUSTER_ID_BYTES),
      currentTerm: TERM_ZERO,
      votedFor: NOBODY,
      suspect: false,
      incarnation: NO_INCARNATION,
      startHistory: EMPTY_BYTES,
      admitted: false,
      established: false,
      disowned: false,
      bindings: [],
    },
  };
}

/** A slot: CRC-32 of all behind it, then the fields, then zeros. */
export function encodeSlot(image: StateImage): Uint8Array {
  const { state } = image;
  assert(state.membersImage.length <= MEMBERS_IMAGE_BYTES_MAX, () => 'members image too long');
  assert(state.bindings.length <= BINDINGS_MAX, () => 'too many bindings');
  assert(state.name.length <= NAME_BYTES_MAX, () => 'name too long');
  assert(state.directoryId.length === DIRECTORY_ID_BYTES, () => 'bad directory id');
  assert(state.clusterId.length === CLUSTER_ID_BYTES, () => 'bad cluster id');
  const { startHistory } = state;
  assert(startHistory.length === historyBytes(state.incarnation), () => 'bad start history');
  const out = new ByteWriter(SLOT_BYTES);
  out.u32(0).rawText(MAGIC).u32(VERSION);
  out.u64(image.sequence).u64(image.firstSegment).u64(image.lastSegment);
  out.u64(image.mark.segmentId).u64(image.mark.offset);
  out.raw(state.directoryId).raw(state.clusterId).u64(state.nodeId).text(state.name);
  out.u64(state.currentTerm).u64(state.votedFor).u64(state.incarnation);
  out.raw(startHistory);
  out.u32(flagsOf(state));
  out.u16(state.membersImage.length).raw(state.membersImage);
  out.u8(state.bindings.length);
  for (const binding of state.bindings) {
    assert(binding.directoryId.length === DIRECTORY_ID_BYTES, () => 'bad directory id');
    assert(binding.startId.length === START_ID_BYTES, () => 'bad start id');
    out.u64(binding.nodeId).raw(binding.directoryId);
    out.u64(binding.incarnation).raw(binding.startId);
  }
  assert(out.length <= SLOT_BYTES, () => `slot of ${out.length} bytes`);
  const slot = new Uint8Array(SLOT_BYTES);
  slot.set(out.view());
  writeU32(slot, 0, native.crc32(slot, 4, SLOT_BYTES, 0));
  return slot;
}

function flagsOf({ admitted, disowned, established, suspect }: DurableState): number {
  return (
    (admitted ? FLAG_ADMITTED : 0) +
    (disowned ? FLAG_DISOWNED : 0) +
    (suspect ? FLAG_SUSPECT : 0) +
    (established ? FLAG_ESTABLISHED : 0)
  );
}

export type SlotDefect = 'short' | 'checksum' | 'magic' | 'version' | 'fields';

export function decodeSlot(bytes: Uint8Array): StateImage | SlotDefect {
  if (bytes.length !== SLOT_BYTES) return 'short';
  if (native.crc32(bytes, 4, SLOT_BYTES, 0) !== readU32(bytes, 0)) return 'checksum';
  const read = new ByteReader(bytes, 4);
  const magic = read.slice(MAGIC.length);
  if (byteString(magic) !== MAGIC) return 'magic';
  if (read.u32() !== VERSION) return 'version';
  const image = readImage(read);
  return read.ok ? image : 'fields';
}

function readImage(read: ByteReader): StateImage {
  const [sequence, firstSegment, lastSegment] = [read.u64(), read.u64(), read.u64()];
  const mark = { segmentId: read.u64(), offset: read.u64() };
  const directoryId = read.slice(DIRECTORY_ID_BYTES).slice();
  const clusterId = read.slice(CLUSTER_ID_BYTES).slice();
  const [its, name] = [nodeId(read.u64()), read.text()];
  const [currentTerm, votedFor] = [term(read.u64()), nodeId(read.u64())];
  const starts = incarnation(read.u64());
  const startHistory = read.slice(historyBytes(starts)).slice();
  const flags = read.u32();
  if (flags > ALL_FLAGS) read.ok = false;
  const state = {
    nodeId: its,
    name,
    directoryId,
    clusterId,
    currentTerm,
    votedFor,
    incarnation: starts,
    startHistory,
    admitted: (flags & FLAG_ADMITTED) !== 0,
    established: (flags & FLAG_ESTABLISHED) !== 0,
    disowned: (flags & FLAG_DISOWNED) !== 0,
    suspect: (flags & FLAG_SUSPECT) !== 0,
    membersImage: read.slice(read.u16()).slice(),
    bindings: readBindings(read),
  };
  // What could not be written again must not be read: the next save would stop the process.
  if (name.length > NAME_BYTES_MAX) read.ok = false;
  if (state.membersImage.length > MEMBERS_IMAGE_BYTES_MAX) read.ok = false;
  if (state.bindings.length > BINDINGS_MAX) read.ok = false;
  return { sequence, firstSegment, lastSegment, mark, state };
}

function readBindings(read: ByteReader): Binding[] {
  const bindings: Binding[] = [];
  const count = read.u8();
  for (let i = 0; i < count && read.ok; i++) {
    bindings.push({
      nodeId: nodeId(read.u64()),
      directoryId: read.slice(DIRECTORY_ID_BYTES).slice(),
      incarnation: incarnation(read.u64()),
      startId: read.slice(START_ID_BYTES).slice(),
    });
  }
  return bindings;
}
