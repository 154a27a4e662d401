import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { concatBytes, writeU32, writeU64 } from '../../src/base/bytes.ts';
import { type Entry, EntryType, sealEntry, unsealedRecord } from '../../src/base/entry.ts';
import { type Index, incarnation, index, nodeId, type Term, term } from '../../src/base/ids.ts';
import { defaultLimits } from '../../src/base/limits.ts';
import { native } from '../../src/base/native.ts';
import { FrameReader } from '../../src/protocol/frame-reader.ts';
import {
  encodeChallenge,
  encodeDeny,
  encodeHandshake,
  type Frame,
  FrameEncoder,
  HANDSHAKE_FRAME_BYTES_MAX,
  type Handshake,
  type Introduction,
  PING,
  PONG,
} from '../../src/protocol/frames.ts';
import type { AppendEntries, InstallSnapshot, Message } from '../../src/raft/messages.ts';

function entry(at: number, its: number, payload: Uint8Array = new Uint8Array(5)): Entry {
  return sealEntry(unsealedRecord(payload), EntryType.Command, term(its), index(at));
}

function appendEntries(prev: number, entries: readonly Entry[], its = 9): AppendEntries {
  return {
    kind: 'AppendEntries',
    from: nodeId(1),
    to: nodeId(2),
    term: term(its),
    prevLogIndex: index(prev),
    prevLogTerm: term(1),
    leaderCommit: index(7),
    entries,
  };
}

/** A piece of a snapshot of 1000 bytes. */
function installSnapshot(offset: number, bytes: Uint8Array): InstallSnapshot {
  const snapshot = { index: index(40), term: term(8), id: 2 ** 53 - 1, bytes: 1000 };
  return {
    kind: 'InstallSnapshot',
    from: nodeId(1),
    to: nodeId(2),
    term: term(9),
    snapshot,
    offset,
    bytes,
  };
}

const introduction: Introduction = {
  protocolVersion: 1,
  fromNode: nodeId(1),
  toNode: nodeId(2),
  incarnation: incarnation(17),
  membersCrc: 0xdeadbeef,
  admitted: true,
  clusterId: new Uint8Array(16).fill(3),
  directoryId: new Uint8Array(16).fill(4),
  startHistory: Uint8Array.from({ length: 17 * 8 }, (_, i) => i),
  fromName: 'n1',
  toName: 'n2',
};

const handshakes: readonly Handshake[] = [
  { kind: 'Hello', introduction },
  { kind: 'Welcome', introduction: { ...introduction, admitted: false }, knowsDialer: true },
  { kind: 'Refuse', introduction, code: 'WRONG_CLUSTER', text: 'two clusters: check --data' },
];

const head = { from: nodeId(1), to: nodeId(2), term: term(9) } as const;
const last = { lastLogIndex: index(2 ** 53 - 1), lastLogTerm: term(8) } as const;
const messages: readonly Message[] = [
  { kind: 'PreVote', ...head, ...last },
  { kind: 'PreVoteResponse', ...head, voteGranted: true },
  { kind: 'RequestVote', ...head, ...last, leadershipTransfer: true },
  { kind: 'RequestVoteResponse', ...head, voteGranted: false },
  appendEntries(4, []),
  appendEntries(4, [entry(5, 1), entry(6, 3, new Uint8Array(300).fill(7)), entry(7, 9)]),
  {
    kind: 'AppendEntriesResponse',
    ...head,
    incarnation: incarnation(5),
    success: false,
    matchIndex: index(3),
    hintIndex: index(2),
    hintTerm: term(1),
  },
  { kind: 'TimeoutNow', ...head },
  {
    kind: 'SuspectResponse',
    ...head,
    incarnation: incarnation(2 ** 53 - 1),
    success: true,
    matchIndex: index(3),
    hintIndex: index(0),
    hintTerm: term(0),
  },
  { kind: 'Reinstate', ...head, incarnation: incarnation(6), wholeIndex: index(2 ** 53 - 1) },
  installSnapshot(0, new Uint8Array(0)),
  installSnapshot(
    700,
    Uint8Array.from({ length: 300 }, (_, i) => i),
  ),
  {
    kind: 'InstallSnapshotResponse',
    ...head,
    incarnation: incarnation(5),
    snapshotIndex: index(40),
    snapshotId: 2 ** 53 - 1,
    offset: 700,
    sentOffset: 1000,
  },
];

const encoder = new FrameEncoder();
const nonces = [Uint8Array.from({ length: 32 }, (_, i) => 255 - i)];
const images: readonly { frame: Frame; bytes: Uint8Array }[] = [
  ...handshakes.map((frame) => ({ frame, bytes: encodeHandshake(frame) })),
  ...messages.map((frame) => ({ frame, bytes: encoder.encode(frame) })),
  ...nonces.map((nonce) => ({
    frame: { kind: 'Challenge', nonce } as const,
    bytes: encodeChallenge(nonce),
  })),
  { frame: { kind: 'Deny', code: 'SECRET_WRONG' }, bytes: encodeDeny('SECRET_WRONG') },
  { frame: { kind: 'Ping' }, bytes: PING },
  { frame: { kind: 'Pong' }, bytes: PONG },
];
const stream = concatBytes(images.map(({ bytes }) => bytes));

function openReader(limits = defaultLimits): FrameReader {
  const reader = new FrameReader(limits);
  reader.allowMessages();
  return reader;
}

/** Everything that a reader makes of the chunks, and how many bytes of each it was given. */
function readAll(chunks: readonly Uint8Array[], reader = openReader()): Frame[] {
  const frames: Frame[] = [];
  for (const chunk of chunks) {
    reader.feed(chunk);
    for (let frame = reader.next(); frame !== null; frame = reader.next()) frames.push(frame);
  }
  return frames;
}

const split = (bytes: Uint8Array, size: number): Uint8Array[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.slice(i * size, (i + 1) * size),
  );

const only = (frames: Frame[]): Frame => {
  assert.equal(frames.length, 1);
  return frames[0]!;
};

const defectOf = (bytes: Uint8Array): string => {
  const frame = only(readAll([bytes]));
  assert.equal(frame.kind, 'Defect');
  return (frame as { reason: string }).reason;
};

function reseal(bytes: Uint8Array, fieldsEnd: number): void {
  writeU32(bytes, 0, native.crc32(bytes, 4, fieldsEnd, 0));
}

/** The same frame with other fields, under a checksum that holds. */
function forged(message: Message, change: (bytes: Uint8Array) => void): Uint8Array {
  const bytes = new FrameEncoder().encode(message);
  const fieldsEnds: Partial<Record<Message['kind'], number>> = {
    AppendEntries: 52,
    InstallSnapshot: 72,
  };
  const fieldsEnd = fieldsEnds[message.kind] ?? bytes.length;
  change(bytes);
  reseal(bytes, fieldsEnd);
  return bytes;
}

describe('frames: every one', () => {
  it('comes out as it went in, whole', () => {
    for (const { frame, bytes } of images) assert.deepEqual(only(readAll([bytes])), frame);
    assert.deepEqual(
      readAll([stream]),
      images.map(({ frame }) => frame),
    );
  });

  it('comes out as it went in, in pieces of every size', () => {
    const frames = images.map(({ frame }) => frame);
    for (let size = 1; size < 200; size++) assert.deepEqual(readAll(split(stream, size)), frames);
  });

  it('comes out as it went in, in random pieces', () => {
    const frames = images.map(({ frame }) => frame);
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: stream.length }), { maxLength: 30 }),
        (cuts) => {
          const at = [0, ...cuts.sort((a, b) => a - b), stream.length];
          const chunks = at.slice(1).map((to, i) => stream.slice(at[i], to));
          assert.deepEqual(readAll(chunks), frames);
        },
      ),
    );
  });

  it('is the same bytes when it is encoded again', () => {
    for (const { frame, bytes } of images) {
      if (frame.kind === 'Hello' || frame.kind === 'Welcome' || frame.kind === 'Refuse') {
        assert.deepEqual(encodeHandshake(frame), bytes);
      } else if (frame.kind === 'Challenge') {
        assert.deepEqual(encodeChallenge(frame.nonce), bytes);
      } else if (frame.kind === 'Deny') {
        assert.deepEqual(encodeDeny(frame.code), bytes);
      } else if (messages.includes(frame as Message)) {
        assert.deepEqual(new FrameEncoder().encode(frame as Message), bytes);
      }
    }
  });

  it('is never taken for another when any bit of it was flipped', () => {
    for (const { bytes } of images) {
      for (let at = 0; at < bytes.length; at++) {
        for (let bit = 0; bit < 8; bit++) {
          const flipped = bytes.slice();
          flipped[at]! ^= 1 << bit;
          // Nothing comes out but a defect; a length that grew may first wait for more bytes.
          const frames = readAll([flipped, new Uint8Array(2 * bytes.length + 4096)]);
          const { kind } = only(frames);
          assert.equal(kind, 'Defect', `byte ${at} bit ${bit} of a frame of ${bytes.length}`);
        }
      }
    }
  });

  it('is nothing yet when it was cut short', () => {
    for (const { bytes } of images) {
      for (let length = 0; length < bytes.length; length++) {
        assert.deepEqual(readAll([bytes.subarray(0, length)]), []);
      }
    }
  });
});

describe('frames: AppendEntries', () => {
  it('have bytes of their own, though the entries are gathered once for all followers', () => {
    const entries = [entry(5, 1), entry(6, 3)];
    const shared = new FrameEncoder();
    const first = shared.encode(appendEntries(4, entries));
    const asWritten = first.slice();
    const second = shared.encode({ ...appendEntries(4, entries), to: nodeId(3) });
    // The first may still be on its way out of a socket.
    second.fill(0);
    assert.deepEqual(first, asWritten);
    second.set(shared.encode({ ...appendEntries(4, entries), to: nodeId(3) }));
    assert.deepEqual(
      second,
      new FrameEncoder().encode({ ...appendEntries(4, entries), to: nodeId(3) }),
    );
    const other = [entry(5, 1), entry(6, 4)];
    assert.deepEqual(
      shared.encode(appendEntries(4, other)),
      new FrameEncoder().encode(appendEntries(4, other)),
    );
  });

  it('have entries that are slices of one copy of the chunk they came in', () => {
    const bytes = encoder.encode(appendEntries(4, [entry(5, 1), entry(6, 3)]));
    for (const chunks of [[bytes.slice()], split(bytes, 50)]) {
      const message = only(readAll(chunks)) as AppendEntries;
      assert.equal(message.entries[0]!.record.buffer, message.entries[1]!.record.buffer);
      const records = message.entries.map(({ record }) => record.slice());
      for (const chunk of chunks) chunk.fill(0xdb);
      assert.deepEqual(
        message.entries.map(({ record }) => record.slice()),
        records,
      );
    }
  });

  it('must continue behind prevLogIndex without a gap', () => {
    const gap = 'AppendEntries with entry 6 in the place of 5';
    assert.equal(defectOf(encoder.encode(appendEntries(4, [entry(6, 1)]))), gap);
    assert.match(
      defectOf(encoder.encode(appendEntries(4, [entry(5, 1), entry(7, 1)]))),
      /7 in the/,
    );
    assert.match(
      defectOf(encoder.encode(appendEntries(4, [entry(5, 1), entry(5, 1)]))),
      /5 in the/,
    );
    const end = 2 ** 53 - 1;
    const far = forged(appendEntries(4, [entry(5, 1)]), (bytes) => writeU64(bytes, 28, end));
    assert.match(defectOf(far), /in the place/);
  });

  it('must have terms that never fall and are not above the leader’s', () => {
    assert.match(
      defectOf(encoder.encode(appendEntries(4, [entry(5, 3), entry(6, 2)]))),
      /behind 3/,
    );
    assert.match(defectOf(encoder.encode(appendEntries(4, [entry(5, 10)]))), /of term 9/);
    assert.match(defectOf(encoder.encode(appendEntries(4, [entry(5, 0)]))), /behind 1/);
    const later = forged(appendEntries(4, []), (bytes) => writeU64(bytes, 36, 10));
    assert.match(defectOf(later), /later term/);
  });

  it('must hold whole, intact entries and nothing else', () => {
    const message = appendEntries(4, [entry(5, 1)]);
    const trailing = forged(message, (bytes) => writeU32(bytes, 4, bytes.length + 3));
    assert.match(defectOf(concatBytes([trailing, new Uint8Array(3)])), /bad entry: short/);
    const shorter = forged(message, (bytes) => writeU32(bytes, 4, bytes.length - 1));
    assert.match(defectOf(shorter), /bad entry: short/);
  });

  it('take the largest entry, and none larger', () => {
    const limits = { ...defaultLimits, entryBytesMax: 1000, peerFrameBytesMax: 2000 };
    const fits = encoder.encode(appendEntries(4, [entry(5, 1, new Uint8Array(972))]));
    assert.equal(only(readAll([fits], openReader(limits))).kind, 'AppendEntries');
    const larger = encoder.encode(appendEntries(4, [entry(5, 1, new Uint8Array(973))]));
    assert.equal(only(readAll([larger], openReader(limits))).kind, 'Defect');
  });
});

describe('frames: from hostile hands', () => {
  it('hold a piece of a snapshot that lies within it, of terms that were, and unharmed', () => {
    const piece = installSnapshot(700, new Uint8Array(300).fill(7));
    const forgedPiece = (change: (bytes: Uint8Array) => void) => defectOf(forged(piece, change));
    assert.match(
      forgedPiece((bytes) => writeU64(bytes, 60, 701)),
      /beyond the end: 701 \+ 300/,
    );
    assert.match(
      forgedPiece((bytes) => writeU64(bytes, 28, 0)),
      /InstallSnapshot of 0/,
    );
    assert.match(
      forgedPiece((bytes) => writeU64(bytes, 36, 0)),
      /term 0 of 9/,
    );
    assert.match(
      forgedPiece((bytes) => writeU64(bytes, 36, 10)),
      /term 10 of 9/,
    );
    assert.match(
      forgedPiece((bytes) => bytes.fill(255, 44, 52)),
      /bad fields/,
    );
    const harmed = encoder.encode(piece);
    harmed[harmed.length - 1]! ^= 1;
    assert.match(defectOf(harmed), /wrong checksum of its bytes/);
    const limits = { ...defaultLimits, snapshotChunkBytesMax: 299 };
    const [frame] = readAll([encoder.encode(piece)], openReader(limits));
    assert.match((frame as { reason: string }).reason, /InstallSnapshot frame of 372 bytes/);
  });

  it('have no length that was not earned', () => {
    const claim = (type: number, length: number) => {
      const bytes = new Uint8Array(64);
      writeU32(bytes, 4, length);
      bytes[8] = type;
      bytes[9] = 1;
      reseal(bytes, 52);
      return bytes;
    };
    for (const length of [
      0,
      1,
      11,
      51,
      defaultLimits.peerFrameBytesMax + 1,
      2 ** 31,
      2 ** 32 - 1,
    ]) {
      assert.match(defectOf(claim(20, length)), /AppendEntries frame of/, `${length}`);
    }
    for (const length of [0, 11, HANDSHAKE_FRAME_BYTES_MAX + 1, 2 ** 32 - 1]) {
      assert.match(defectOf(claim(1, length)), /Hello frame of/);
    }
    for (const type of [0, 8, 15, 27, 255]) assert.match(defectOf(claim(type, 64)), /unknown type/);
  });

  it('cost no memory before their bytes arrive', () => {
    const reader = openReader();
    const large = { ...appendEntries(4, []) };
    const claims = forged(large, (bytes) => writeU32(bytes, 4, defaultLimits.peerFrameBytesMax));
    assert.deepEqual(readAll([claims], reader), []);
    const kept = () => (reader as unknown as { partial: Uint8Array }).partial.length;
    assert.ok(kept() < 200, `${kept()} bytes`);
    for (let sent = claims.length; sent < 1 << 20; sent += 1000) {
      assert.deepEqual(readAll([new Uint8Array(1000)], reader), []);
      assert.ok(kept() <= 2 * (sent + 1000), `${kept()} bytes for ${sent + 1000}`);
    }
  });

  it('are no messages before a handshake', () => {
    for (const { frame, bytes } of images) {
      const { kind } = only(readAll([bytes], new FrameReader(defaultLimits)));
      const early = !messages.includes(frame as Message);
      assert.equal(kind, early ? frame.kind : 'Defect');
    }
  });

  it('have safe numbers, flags of 0 or 1, and names of a sane length', () => {
    const vote = messages[2]!;
    for (const at of [20, 28, 36]) {
      const unsafe = forged(vote, (bytes) => writeU64(bytes, at, 2 ** 53));
      assert.match(defectOf(unsafe), /bad fields/);
    }
    const flag = forged(vote, (bytes) => {
      bytes[44] = 2;
    });
    assert.match(defectOf(flag), /bad fields/);
    for (const fromName of ['', 'n'.repeat(65)]) {
      const hello = { kind: 'Hello', introduction: { ...introduction, fromName } } as const;
      assert.match(defectOf(encodeHandshake(hello)), /bad fields/);
    }
  });

  it('have as many starts as they count, and at least one', () => {
    const forge = (starts: number) => {
      const hello = encodeHandshake({ kind: 'Hello', introduction });
      writeU64(hello, 22, starts);
      reseal(hello, hello.length);
      return hello;
    };
    assert.equal(only(readAll([forge(17)])).kind, 'Hello');
    for (const starts of [0, 64, 2 ** 53 - 1]) {
      assert.match(defectOf(forge(starts)), /Hello frame with bad fields/);
    }
    const startHistory = new Uint8Array(8);
    assert.throws(
      () => encodeHandshake({ kind: 'Hello', introduction: { ...introduction, startHistory } }),
      /8 bytes of history/,
    );
  });

  it('fit into a handshake, however long the names and the history', () => {
    const names = { fromName: 'n'.repeat(64), toName: 'm'.repeat(64) };
    const startHistory = new Uint8Array(64 * 8).fill(5);
    const many = { incarnation: incarnation(2 ** 53 - 1), startHistory };
    const full = { ...introduction, ...names, ...many };
    const refuse: Handshake = { kind: 'Refuse', introduction: full, code: 'X', text: 'y' };
    const bytes = encodeHandshake(refuse);
    assert.ok(bytes.length < HANDSHAKE_FRAME_BYTES_MAX / 4, `${bytes.length} bytes`);
    assert.deepEqual(only(readAll([bytes])), refuse);
    const talkative: Handshake = { ...refuse, text: 'y'.repeat(4000) };
    assert.throws(() => encodeHandshake(talkative), /a handshake of/);
  });

  it('end the stream: nothing is read behind a defect', () => {
    const broken = PING.slice();
    broken[8] = 99;
    assert.equal(only(readAll([concatBytes([broken, PING]), PING])).kind, 'Defect');
  });

  it('make no reader throw, whatever they are', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.integer({ min: 1, max: 40 }),
        (junk, size) => {
          readAll(split(junk, size));
          // And under a header that looks right.
          const bytes = new Uint8Array(12 + junk.length);
          writeU32(bytes, 4, bytes.length);
          bytes[8] = 1 + ((junk[0] ?? 0) % 3);
          bytes[9] = 1;
          bytes.set(junk, 12);
          reseal(bytes, bytes.length);
          readAll(split(bytes, size));
        },
      ),
    );
  });

  it('may come from a later version, with more behind the fields of a handshake', () => {
    const hello = encodeHandshake({ kind: 'Hello', introduction });
    const longer = concatBytes([hello, new Uint8Array([1, 2, 3])]);
    writeU32(longer, 4, longer.length);
    reseal(longer, longer.length);
    assert.deepEqual(only(readAll([longer])), { kind: 'Hello', introduction });
  });
});

describe('frames: any message', () => {
  const u53 = fc.maxSafeNat();
  const heads = fc.record({ from: fc.nat(2 ** 32 - 1), to: fc.nat(2 ** 32 - 1), term: u53 });

  it('survives the trip, in pieces', () => {
    const any = fc.tuple(heads, u53, u53, u53, fc.boolean(), fc.integer({ min: 1, max: 70 }));
    fc.assert(
      fc.property(any, ([{ from, to, term: its }, a, b, c, yes, size]) => {
        const its2 = { from: nodeId(from), to: nodeId(to), term: its as Term };
        const all: Message[] = [
          { kind: 'PreVote', ...its2, lastLogIndex: a as Index, lastLogTerm: b as Term },
          { kind: 'RequestVoteResponse', ...its2, voteGranted: yes },
          {
            kind: yes ? 'AppendEntriesResponse' : 'SuspectResponse',
            ...its2,
            incarnation: incarnation(c),
            success: yes,
            matchIndex: a as Index,
            hintIndex: b as Index,
            hintTerm: c as Term,
          },
        ];
        const bytes = concatBytes(all.map((message) => new FrameEncoder().encode(message)));
        assert.deepEqual(readAll(split(bytes, size)), all);
      }),
    );
  });
});
