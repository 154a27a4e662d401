import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EMPTY_BYTES, hex } from '../../src/base/bytes.ts';
import { ENTRY_HEADER_BYTES } from '../../src/base/entry.ts';
import { INT64_MAX, INT64_MIN } from '../../src/base/int64.ts';
import {
  type Command,
  commandRecordBytes,
  decodeCommand,
  encodeCommand,
} from '../../src/kv/command.ts';
import {
  allLayouts,
  type LayoutCommand,
  type LayoutKind,
  layoutOf,
} from '../../src/kv/command-layouts.ts';
import { anyCommand, bytes, setCommand } from './commands.ts';

const payload = (command: Command) => encodeCommand(command).subarray(ENTRY_HEADER_BYTES);

test('every command comes back as it was, out of a record of the length foretold', () => {
  fc.assert(
    fc.property(anyCommand, (command) => {
      const record = encodeCommand(command);
      assert.equal(record.length, commandRecordBytes(command));
      assert.deepEqual(decodeCommand(record, ENTRY_HEADER_BYTES), command);
      assert.deepEqual(decodeCommand(payload(command)), command);
    }),
    { numRuns: 1000 },
  );
});

test('the room for the header stays empty', () => {
  const record = encodeCommand(setCommand('k', 'v'));
  assert.deepEqual(record.subarray(0, ENTRY_HEADER_BYTES), new Uint8Array(ENTRY_HEADER_BYTES));
});

/** The format on disk and on the wire: it may not change without a new version. */
test('the encoding, byte for byte', () => {
  const encoded = (command: Command) => hex(payload(command));
  assert.equal(encoded(setCommand('k', 'vw')), '01010000' + '01000000' + '02000000' + '6b7677');
  assert.equal(
    encoded({ ...setCommand('k', 'v'), condition: 'ifne', comparand: bytes('x'), get: true }),
    '01010401' + '01000000' + '01000000' + '6b7678',
  );
  assert.equal(encoded({ kind: 'get', key: bytes('k') }), '01026b');
  const keys = [bytes('a'), bytes('bc')];
  assert.equal(encoded({ kind: 'del', keys }), '0103' + '02000000' + '0100000061' + '020000006263');
  assert.equal(encoded({ kind: 'exists', keys: [bytes('a')] }), '0104' + '01000000' + '0100000061');
  const key = bytes('k');
  assert.equal(encoded({ kind: 'incrby', key, delta: -2 }), '0105feffffffffffffff6b');
  assert.equal(encoded({ kind: 'incrby', key, delta: INT64_MIN }), '010500000000000000806b');
  assert.equal(encoded({ kind: 'incrby', key, delta: INT64_MAX }), '0105ffffffffffffff7f6b');
});

test('the encoding of the commands of the table, byte for byte', () => {
  const encoded = (command: LayoutCommand) => hex(payload(command)).slice(2);
  const [key, value, newKey] = [bytes('k'), bytes('v'), bytes('n')];
  const pairs = [{ key, value }];
  const valueBytesMax = 0x100000;
  const golden: { readonly [K in LayoutKind]: string } = {
    mget: encoded({ kind: 'mget', keys: [key] }),
    mset: encoded({ kind: 'mset', pairs }),
    msetnx: encoded({ kind: 'msetnx', pairs }),
    setnx: encoded({ kind: 'setnx', key, value }),
    getdel: encoded({ kind: 'getdel', key }),
    delex: encoded({ kind: 'delex', comparison: 'ifdne', key, comparand: value }),
    incrbyfloat: encoded({ kind: 'incrbyfloat', valueBytesMax, key, increment: bytes('.5') }),
    append: encoded({ kind: 'append', valueBytesMax, key, value }),
    setrange: encoded({ kind: 'setrange', valueBytesMax, offset: 2, key, value }),
    getrange: encoded({ kind: 'getrange', start: 0, end: -1, key }),
    strlen: encoded({ kind: 'strlen', key }),
    digest: encoded({ kind: 'digest', key }),
    type: encoded({ kind: 'type', key }),
    ttl: encoded({ kind: 'ttl', key }),
    rename: encoded({ kind: 'rename', key, newKey }),
    renamenx: encoded({ kind: 'renamenx', key, newKey }),
    copy: encoded({ kind: 'copy', replace: true, source: key, destination: newKey }),
    keys: encoded({ kind: 'keys', pattern: bytes('*') }),
    scan: encoded({ kind: 'scan', cursor: 9, count: 10, pattern: bytes('*'), type: bytes('s') }),
    randomkey: encoded({ kind: 'randomkey' }),
    dbsize: encoded({ kind: 'dbsize' }),
    flushall: encoded({ kind: 'flushall' }),
  };
  assert.deepEqual(golden, {
    mget: '10' + '01000000' + '010000006b',
    mset: '11' + '01000000' + '010000006b' + '0100000076',
    msetnx: '12' + '01000000' + '010000006b' + '0100000076',
    setnx: '13' + '010000006b' + '76',
    getdel: '14' + '6b',
    delex: '15' + '03' + '010000006b' + '76',
    incrbyfloat: '16' + '00001000' + '010000006b' + '2e35',
    append: '17' + '00001000' + '010000006b' + '76',
    setrange: '18' + '00001000' + '0200000000000000' + '010000006b' + '76',
    getrange: '19' + '0000000000000000' + 'ffffffffffffffff' + '6b',
    strlen: '1a' + '6b',
    digest: '1b' + '6b',
    type: '20' + '6b',
    ttl: '21' + '6b',
    rename: '22' + '010000006b' + '6e',
    renamenx: '23' + '010000006b' + '6e',
    copy: '24' + '01' + '010000006b' + '6e',
    keys: '25' + '2a',
    scan: '26' + '0900000000000000' + '0a000000' + '010000002a' + '73',
    randomkey: '27',
    dbsize: '28',
    flushall: '29',
  });
});

test('each operation has a code of its own', () => {
  const codes = allLayouts.map(({ operation }) => operation);
  assert.equal(new Set(codes).size, codes.length);
  for (const code of codes) assert.ok(code >= 16 && code <= 255);
});

test('what decodes is what encodes: any bytes are refused or written again as they were', () => {
  const version = fc.constantFrom(1, 1, 1, 0, 2, 255);
  const operation = fc.integer({ min: 0, max: 43 });
  const field = fc.constantFrom(0, 0, 0, 1, 1, 2, 3, 4, 5, 255);
  const raw = fc
    .tuple(version, operation, fc.array(field, { maxLength: 24 }))
    .map(([v, o, rest]) => Uint8Array.of(v, o, ...rest));
  fc.assert(
    fc.property(raw, (raw) => {
      const command = decodeCommand(raw);
      if (typeof command === 'string') return;
      assert.deepEqual(payload(command), raw);
    }),
    { numRuns: 5000 },
  );
});

/** Fields that fill what is left, and so take what follows for a part of them. */
const isOpen = (command: Command): boolean => {
  if (command.kind === 'set') return command.condition.startsWith('if');
  if (command.kind === 'get' || command.kind === 'incrby') return true;
  if (command.kind === 'del' || command.kind === 'exists') return false;
  return Object.values(layoutOf(command).fields).at(-1) === 'rest';
};

test('cut anywhere, a command is malformed, or its last field is shorter', () => {
  fc.assert(
    fc.property(anyCommand, (command) => {
      const whole = payload(command);
      for (let length = 2; length < whole.length; length++) {
        const cut = decodeCommand(whole.slice(0, length));
        if (typeof cut === 'string') assert.equal(cut, 'malformed');
        else {
          assert.ok(isOpen(command));
          assert.deepEqual(payload(cut), whole.slice(0, length));
        }
      }
    }),
  );
});

test('with bytes behind it, a command is malformed, or its last field is longer', () => {
  fc.assert(
    fc.property(anyCommand, fc.uint8Array({ minLength: 1, maxLength: 9 }), (command, more) => {
      const longer = Uint8Array.of(...payload(command), ...more);
      const decoded = decodeCommand(longer);
      if (isOpen(command)) assert.deepEqual(payload(decoded as Command), longer);
      else assert.equal(decoded, 'malformed');
    }),
  );
});

test('unknown is told from malformed', () => {
  assert.equal(decodeCommand(EMPTY_BYTES), 'malformed');
  assert.equal(decodeCommand(Uint8Array.of(1)), 'malformed');
  assert.equal(decodeCommand(Uint8Array.of(2)), 'unknown', 'a newer format may be of any shape');
  assert.equal(decodeCommand(Uint8Array.of(0, 0)), 'unknown');
  assert.equal(decodeCommand(Uint8Array.of(1, 0)), 'unknown');
  for (const code of [6, 15, 28, 31, 42, 255]) {
    assert.equal(decodeCommand(Uint8Array.of(1, code)), 'unknown');
  }
  const badCondition = payload(setCommand('k', 'v'));
  badCondition[2] = 7;
  assert.equal(decodeCommand(badCondition), 'malformed');
  const badFlags = payload(setCommand('k', 'v'));
  badFlags[3] = 2;
  assert.equal(decodeCommand(badFlags), 'malformed');
  const badComparison = payload({
    kind: 'delex',
    comparison: 'ifeq',
    key: bytes('k'),
    comparand: bytes('v'),
  });
  badComparison[2] = 4;
  assert.equal(decodeCommand(badComparison), 'malformed');
  const pattern = bytes('*');
  const badCursor = payload({ kind: 'scan', cursor: 1, count: 1, pattern, type: pattern });
  badCursor[9] = 0xff;
  assert.equal(decodeCommand(badCursor), 'malformed', 'a cursor beyond 2^53');
  const trailing = Uint8Array.of(...payload(setCommand('k', 'v')), 0);
  assert.equal(decodeCommand(trailing), 'malformed');
  const manyKeys = payload({ kind: 'del', keys: [bytes('a')] });
  manyKeys.set([0xff, 0xff, 0xff, 0xff], 2);
  assert.equal(decodeCommand(manyKeys), 'malformed');
});

test('the decoded parts are slices of the record, which is never copied', () => {
  const record = encodeCommand(setCommand('key', 'value'));
  const command = decodeCommand(record, ENTRY_HEADER_BYTES);
  assert.ok(typeof command !== 'string' && command.kind === 'set');
  assert.equal(command.key.buffer, record.buffer);
  assert.equal(command.value.buffer, record.buffer);
});
