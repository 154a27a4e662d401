import assert from 'node:assert/strict';
import { byteString, bytesOf, concatBytes, readU32 } from '../../src/base/bytes.ts';
import { decodeEntry, type Entry, EntryType, sealEntry } from '../../src/base/entry.ts';
import { incarnation, index, nodeId, term } from '../../src/base/ids.ts';
import { defaultLimits } from '../../src/base/limits.ts';
import type { Prng } from '../../src/base/prng.ts';
import { type Command, decodeCommand, encodeCommand } from '../../src/kv/command.ts';
import { array, bulk, error, integer, NULL, OK } from '../../src/kv/reply.ts';
import { StateMachine } from '../../src/kv/state-machine.ts';
import { resolveCommand } from '../../src/protocol/commands.ts';
import { FrameReader } from '../../src/protocol/frame-reader.ts';
import {
  encodeChallenge,
  encodeDeny,
  encodeHandshake,
  type Frame,
  FrameEncoder,
  PING,
  PONG,
} from '../../src/protocol/frames.ts';
import { PeerProof } from '../../src/protocol/peer-proof.ts';
import { encodeRequest } from '../../src/protocol/request-writer.ts';
import { RespParser } from '../../src/protocol/resp-parser.ts';
import { RespReader } from '../../src/protocol/resp-reader.ts';
import { RespWriter } from '../../src/protocol/resp-writer.ts';
import type { Message } from '../../src/raft/messages.ts';
import { directorySalt, walkRecords } from '../../src/storage/batch.ts';
import { decodeSlot, encodeSlot, SLOT_BYTES } from '../../src/storage/hard-state.ts';
import { scanBatches } from '../../src/storage/scan.ts';
import {
  decodeSegmentHeader,
  SEGMENT_HEADER_BYTES,
  segmentName,
} from '../../src/storage/segment.ts';
import { create, entries, entry as smallEntry } from '../storage/world.ts';
import { chunksOf, reseal } from './mutate.ts';
import { introduction } from './peer-sample.ts';

/** One decoder, what it usually reads, and what must hold whatever it reads. */
export interface Target {
  readonly name: string;
  readonly corpus: readonly Uint8Array[];
  /** Throws when something that must hold does not. */
  check(bytes: Uint8Array, random: Prng): void;
}

const text = (bytes: Uint8Array): string => byteString(bytes);

// What clients send.

const requestLimits = {
  argumentsMax: 64,
  bulkBytesMax: 2000,
  requestBytesMax: 4000,
  inlineBytesMax: 300,
};

function readRequests(chunks: readonly Uint8Array[]): { seen: string[]; args: Uint8Array[][] } {
  const parser = new RespParser(requestLimits);
  const seen: string[] = [];
  const args: Uint8Array[][] = [];
  let arrived = 0;
  for (const chunk of chunks) {
    arrived += chunk.length;
    parser.feed(chunk);
    for (;;) {
      const item = parser.next();
      if (item === 'more') break;
      if (item === 'empty') continue;
      if ('protocolError' in item) return { seen: [...seen, `! ${item.protocolError}`], args };
      seen.push(`${item.inline} ${item.args.map((arg) => `${arg.length}:${text(arg)}`).join(' ')}`);
      args.push([...item.args]);
    }
    assert.ok(parser.heldBytes <= Math.max(512, 2 * arrived, chunk.length), 'memory');
  }
  return { seen, args };
}

const requests: Target = {
  name: 'requests',
  corpus: [
    concatBytes([encodeRequest(['SET', 'key', 'value']), encodeRequest(['GET', 'key'])]),
    concatBytes([encodeRequest(['PING']), bytesOf('*0\r\n*-1\r\n\r\n'), encodeRequest(['PING'])]),
    encodeRequest(['SET', 'k', 'x'.repeat(600), 'IFEQ', '', 'GET']),
    encodeRequest(['DEL', ...Array.from({ length: 30 }, (_, i) => `key-${i}`)]),
    encodeRequest(['CLIENT', 'CAPA', 'redirect']),
    bytesOf("GET a\r\nSET \"a \\x41\\n\" 'b\\'c'\r\n  INCR   n \n"),
    bytesOf('POST / HTTP/1.1\r\nHost: x\r\n\r\n'),
    bytesOf('\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03'),
  ],
  check(bytes, random) {
    const { seen, args } = readRequests([bytes]);
    assert.deepEqual(readRequests(chunksOf(bytes, random)).seen, seen, 'in any chunking');
    for (const list of args.slice(0, 3)) {
      assert.deepEqual(readRequests([encodeRequest(list)]).args, [list], 'encoded again');
      const spec = resolveCommand(list);
      if ('kind' in spec || spec.where === 'connection') continue;
      const command = spec.parse(list, defaultLimits);
      if (command.kind === 'error') continue;
      const record = encodeCommand(command);
      assert.deepEqual(decodeCommand(record, 28), command, 'as an entry');
    }
  },
};

// What servers answer.

function readReplies(chunks: readonly Uint8Array[]): string[] {
  const reader = new RespReader({
    bulkBytesMax: 2000,
    itemsMax: 200,
    depthMax: 8,
    lineBytesMax: 300,
  });
  const seen: string[] = [];
  for (const chunk of chunks) {
    reader.feed(chunk);
    for (let item = reader.next(); item !== 'more'; item = reader.next()) {
      if ('protocolError' in item) return [...seen, `! ${item.protocolError}`];
      seen.push(JSON.stringify(item, (_, value) => plain(value)));
    }
  }
  return seen;
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Uint8Array) return text(value);
  return typeof value === 'number' && !Number.isFinite(value) ? `${value}` : value;
}

function written(...replies: Parameters<RespWriter['write']>[0][]): Uint8Array {
  const writer = new RespWriter();
  for (const reply of replies) writer.write(reply);
  return writer.take().slice();
}

const replies: Target = {
  name: 'replies',
  corpus: [
    written(OK, NULL, integer(-5), bulk('a value'), error('ERR no'), OK),
    written(array([bulk('a'), array([integer(2n ** 62n), NULL]), array([])]), bulk('')),
    bytesOf('%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n#t\r\n~1\r\n,1.5\r\n>2\r\n+p\r\n_\r\n'),
    bytesOf('|1\r\n+ttl\r\n:3600\r\n=7\r\ntxt:abc\r\n(123456789012345678901\r\n!5\r\nERR x\r\n'),
    bytesOf('*-1\r\n$-1\r\n,inf\r\n,-inf\r\n,nan\r\n#f\r\n'),
  ],
  check(bytes, random) {
    const whole = readReplies([bytes]);
    assert.deepEqual(readReplies(chunksOf(bytes, random)), whole, 'in any chunking');
  },
};

// What peers say.

const secret = bytesOf('a secret of sixteen or more');
const zeros = new Uint8Array(32);

/** The proofs of a stream whose nonces are zeros. */
function proofOf(side: 'dialer' | 'acceptor'): PeerProof {
  const proof = new PeerProof({ secret, nonce: () => zeros }, side);
  proof.hear(zeros);
  return proof;
}

const hello = { kind: 'Hello', introduction } as const;
const welcome = { kind: 'Welcome', introduction, knowsDialer: true } as const;
const refuse = { kind: 'Refuse', introduction, code: 'WRONG', text: 'no: check it' } as const;

function entry(at: number, command: Command): Entry {
  return sealEntry(encodeCommand(command), EntryType.Command, term(2), index(at));
}

const setCommand: Command = {
  kind: 'set',
  key: bytesOf('key'),
  value: bytesOf('value'),
  condition: 'ifeq',
  comparand: bytesOf('old'),
  get: true,
};
const delCommand: Command = { kind: 'del', keys: [bytesOf('a'), bytesOf('bb'), bytesOf('')] };
const commandSamples: readonly Command[] = [
  setCommand,
  delCommand,
  { kind: 'get', key: bytesOf('key') },
  { kind: 'exists', keys: [bytesOf('k')] },
  { kind: 'incrby', key: bytesOf('n'), delta: -(2n ** 63n) },
];

const head = { from: nodeId(1), to: nodeId(2), term: term(3) } as const;
const last = { lastLogIndex: index(9), lastLogTerm: term(2) } as const;
const sample: readonly Message[] = [
  { kind: 'PreVote', ...head, ...last },
  { kind: 'PreVoteResponse', ...head, voteGranted: true },
  { kind: 'RequestVote', ...head, ...last, leadershipTransfer: false },
  { kind: 'RequestVoteResponse', ...head, voteGranted: false },
  {
    kind: 'AppendEntries',
    ...head,
    prevLogIndex: index(4),
    prevLogTerm: term(2),
    leaderCommit: index(4),
    entries: [entry(5, setCommand), entry(6, delCommand)],
  },
  {
    kind: 'AppendEntriesResponse',
    ...head,
    incarnation: incarnation(3),
    success: true,
    matchIndex: index(5),
    hintIndex: index(0),
    hintTerm: term(0),
  },
  { kind: 'TimeoutNow', ...head },
];
const encoder = new FrameEncoder();
const messageFrames = sample.map((message) => encoder.encode(message).slice());

type Stage = 'stranger' | 'proving' | 'open';

function readFrames(
  chunks: readonly Uint8Array[],
  stage: Stage,
): { kinds: string; frames: Frame[] } {
  const reader = new FrameReader(defaultLimits, stage === 'proving' ? proofOf('acceptor') : null);
  if (stage === 'open') reader.allowMessages();
  const frames: Frame[] = [];
  let arrived = 0;
  for (const chunk of chunks) {
    arrived += chunk.length;
    reader.feed(chunk);
    for (let frame = reader.next(); frame !== null; frame = reader.next()) frames.push(frame);
    const { partial } = reader as unknown as { partial: Uint8Array };
    assert.ok(partial.length <= 2 * arrived, 'memory');
  }
  const kinds = frames.map((f) => (f.kind === 'Defect' ? f.reason : f.kind)).join();
  return { kinds, frames };
}

/** What a frame is as bytes; null: nothing can be said of it again. */
function encodedAgain(frame: Frame): Uint8Array | null {
  switch (frame.kind) {
    case 'Hello':
    case 'Welcome':
    case 'Refuse':
    case 'Defect':
    case 'Unproven':
      return null; // may carry more fields than are known
    case 'Ping':
      return PING;
    case 'Pong':
      return PONG;
    case 'Challenge':
      return encodeChallenge(frame.nonce);
    case 'Deny':
      return encodeDeny(frame.code);
    default:
      return new FrameEncoder().encode(frame);
  }
}

/** Makes the checksums of frames hold, as far as their lengths lead. */
function resealFrames(bytes: Uint8Array): void {
  for (let at = 0; at + 12 <= bytes.length; ) {
    const length = readU32(bytes, at + 4);
    const fieldsEnd = bytes[at + 8] === 20 ? at + 52 : at + length;
    reseal(bytes, at, at + 4, fieldsEnd);
    if (length < 12) return;
    if (bytes[at + 8] === 20) {
      for (let record = at + 52; record + 28 <= at + length && record + 28 <= bytes.length; ) {
        const recordBytes = readU32(bytes, record + 4);
        reseal(bytes, record, record + 4, record + recordBytes);
        record += Math.max(28, recordBytes);
      }
    }
    at += length;
  }
}

const frames: Target = {
  name: 'frames',
  corpus: [
    ...messageFrames,
    concatBytes(messageFrames),
    concatBytes([encodeHandshake(hello), PING, PING]),
    concatBytes([encodeHandshake(welcome), encodeHandshake(refuse), PONG]),
    concatBytes([encodeChallenge(zeros), encodeHandshake(hello, proofOf('dialer'))]),
    encodeDeny('SECRET_WRONG'),
  ],
  check(bytes, random) {
    if (random.chance(0.8)) resealFrames(bytes);
    const stage = (['stranger', 'proving', 'open'] as const)[random.below(3)]!;
    const whole = readFrames([bytes], stage);
    const cut = readFrames(chunksOf(bytes, random), stage);
    assert.equal(cut.kinds, whole.kinds, 'in any chunking');
    if (stage !== 'open') {
      for (const { kind } of whole.frames) assert.ok(!sample.some((m) => m.kind === kind), kind);
    }
    let at = 0;
    for (const frame of whole.frames) {
      const again = encodedAgain(frame);
      if (again === null) return;
      assert.equal(text(again), text(bytes.subarray(at, at + again.length)), 'encoded again');
      at += again.length;
    }
  },
};

/** Without the secret nobody passes, whatever is changed about what was recorded. */
const proofs: Target = {
  name: 'proofs',
  corpus: [encodeHandshake(hello, proofOf('acceptor')), encodeHandshake(hello)],
  check(bytes, random) {
    resealFrames(bytes);
    for (const { kind } of readFrames(chunksOf(bytes, random), 'proving').frames) {
      assert.ok(kind !== 'Hello' && kind !== 'Welcome' && kind !== 'Refuse', `believed a ${kind}`);
    }
  },
};

// What stands in the log.

const commands: Target = {
  name: 'commands',
  corpus: commandSamples.map((command) => encodeCommand(command).slice(28)),
  check(bytes) {
    const command = decodeCommand(bytes);
    if (typeof command === 'string') return;
    assert.equal(text(encodeCommand(command).subarray(28)), text(bytes), 'encoded again');
    const record = new Uint8Array(28 + bytes.length);
    record.set(bytes, 28);
    const machine = new StateMachine();
    const reply = machine.apply(sealEntry(record, EntryType.Command, term(1), index(1)));
    assert.ok(new RespWriter().write(reply) === undefined);
  },
};

const records: Target = {
  name: 'entries',
  corpus: [entry(1, setCommand).record, entry(2 ** 40, delCommand).record],
  check(bytes, random) {
    if (bytes.length >= 8 && random.chance(0.8)) reseal(bytes, 0, 4, readU32(bytes, 4));
    const found = decodeEntry(bytes, 0, bytes.length, 2000);
    if (typeof found === 'string') return;
    assert.equal(found.record.length, readU32(bytes, 4));
    const record = found.record.slice();
    const again = sealEntry(record, found.type, found.term, found.index);
    // Two bytes of the header are zeros now, and may have been others.
    if (bytes[10] === 0 && bytes[11] === 0) {
      assert.equal(text(again.record), text(found.record), 'encoded again');
    }
  },
};

function segmentSample(): { image: Uint8Array; slots: Uint8Array[]; salt: number } {
  const { disk, run } = create();
  run.persistNow({ entries: entries(1, 2, 1) });
  run.persistNow({ truncateFrom: index(2), entries: [smallEntry(2, 2, 'x'.repeat(1200))] });
  const files = disk.image();
  const file = files.get(segmentName(1))!;
  const slots = [...files].filter(([name]) => name.startsWith('state.')).map(([, bytes]) => bytes);
  const header = decodeSegmentHeader(file);
  assert.ok(typeof header !== 'string');
  return { image: file.slice(0, 6144), slots, salt: directorySalt(header.directoryId) };
}

const wal = segmentSample();

/** A segment whose bytes are anything: it is read, or judged torn or rotten, and nothing else. */
const segments: Target = {
  name: 'segments',
  corpus: [wal.image],
  check(bytes, random) {
    const header = decodeSegmentHeader(wal.image);
    assert.ok(typeof header !== 'string');
    decodeSegmentHeader(bytes);
    if (bytes.length < SEGMENT_HEADER_BYTES) return;
    if (random.chance(0.8)) {
      for (let at = SEGMENT_HEADER_BYTES; at + 64 <= bytes.length; at += 512) {
        reseal(bytes, at + 56, at + 64, Math.min(bytes.length, at + 512));
        reseal(bytes, at + 60, at, at + 60, wal.salt);
      }
    }
    const segment = {
      bytes,
      header: { ...header, segmentBytes: wal.image.length },
      salt: wal.salt,
      isLast: random.chance(0.7),
      markOffset: 512 * random.below(8),
    };
    const chain = { sequence: 0, headerCrc: 0 };
    const end = scanBatches(segment, chain, (batch) => {
      assert.ok(batch.offset + 64 + batch.bodyBytes <= bytes.length, 'a batch within the file');
      const visitor = { entry: () => null, truncation: () => null };
      return walkRecords(bytes, batch.offset + 64, batch, visitor);
    });
    assert.ok(end.offset >= SEGMENT_HEADER_BYTES && end.offset <= bytes.length + 511);
    if (end.kind === 'torn') assert.ok(segment.isLast && end.offset >= segment.markOffset);
  },
};

const slots: Target = {
  name: 'slots',
  corpus: wal.slots,
  check(bytes) {
    if (bytes.length === SLOT_BYTES) reseal(bytes, 0, 4, SLOT_BYTES);
    const image = decodeSlot(bytes);
    if (typeof image === 'string') return;
    const again = decodeSlot(encodeSlot(image));
    assert.deepEqual(again, image, 'encoded again');
  },
};

export const targets: readonly Target[] = [
  requests,
  replies,
  frames,
  proofs,
  commands,
  records,
  segments,
  slots,
];
