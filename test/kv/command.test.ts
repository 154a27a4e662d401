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

test('what decodes is what encodes: any bytes are refused or written again as they were', () => {
  const version = fc.constantFrom(1, 1, 1, 0, 2, 255);
  const operation = fc.integer({ min: 0, max: 7 });
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

test('cut anywhere, a command is malformed, or its last field is shorter', () => {
  const commands: Command[] = [
    { ...setCommand('key', 'value'), condition: 'ifeq', comparand: bytes('cmp') },
    setCommand('key', 'value'),
    { kind: 'del', keys: [bytes('key'), bytes('other')] },
    { kind: 'incrby', key: bytes('key'), delta: 5 },
  ];
  for (const command of commands) {
    const whole = payload(command);
    for (let length = 0; length < whole.length; length++) {
      const cut = decodeCommand(whole.slice(0, length));
      if (typeof cut !== 'string') assert.deepEqual(payload(cut), whole.slice(0, length));
      else assert.equal(cut, 'malformed');
    }
  }
});

test('unknown is told from malformed', () => {
  assert.equal(decodeCommand(EMPTY_BYTES), 'malformed');
  assert.equal(decodeCommand(Uint8Array.of(1)), 'malformed');
  assert.equal(decodeCommand(Uint8Array.of(2)), 'unknown', 'a newer format may be of any shape');
  assert.equal(decodeCommand(Uint8Array.of(0, 0)), 'unknown');
  assert.equal(decodeCommand(Uint8Array.of(1, 0)), 'unknown');
  assert.equal(decodeCommand(Uint8Array.of(1, 6)), 'unknown');
  const badCondition = payload(setCommand('k', 'v'));
  badCondition[2] = 5;
  assert.equal(decodeCommand(badCondition), 'malformed');
  const badFlags = payload(setCommand('k', 'v'));
  badFlags[3] = 2;
  assert.equal(decodeCommand(badFlags), 'malformed');
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
