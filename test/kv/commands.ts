import fc from 'fast-check';
import { bytesOf, EMPTY_BYTES } from '../../src/base/bytes.ts';
import { type Entry, EntryType, sealEntry } from '../../src/base/entry.ts';
import { index, term } from '../../src/base/ids.ts';
import { INT64_MAX, INT64_MIN, parseInt64 } from '../../src/base/int64.ts';
import { type Command, encodeCommand, type SetCommand } from '../../src/kv/command.ts';

export const bytes = (text: string): Uint8Array => bytesOf(text);

export const setCommand = (key: string, value: string): SetCommand => ({
  kind: 'set',
  key: bytes(key),
  value: bytes(value),
  condition: 'none',
  comparand: EMPTY_BYTES,
  get: false,
});

export function entryOf(at: number, command: Command): Entry {
  return sealEntry(encodeCommand(command), EntryType.Command, term(1), index(at));
}

const anyInt64 = fc
  .oneof(
    fc.bigInt({ min: INT64_MIN, max: INT64_MAX }),
    fc.bigInt({ min: -3n, max: 3n }),
    fc.constantFrom(INT64_MIN, INT64_MAX),
  )
  .map((value) => parseInt64(String(value))!);

/** Objects as the decoder makes them, so that deepEqual compares. */
const PLAIN = { noNullPrototype: true } as const;

/** Any command over these keys and values. */
export function commandOver(
  key: fc.Arbitrary<Uint8Array>,
  value: fc.Arbitrary<Uint8Array>,
): fc.Arbitrary<Command> {
  const keys = fc.array(key, { minLength: 1, maxLength: 4 });
  const set = fc
    .record(
      {
        kind: fc.constant('set' as const),
        key,
        value,
        condition: fc.constantFrom('none', 'nx', 'xx', 'ifeq', 'ifne'),
        comparand: value,
        get: fc.boolean(),
      },
      PLAIN,
    )
    .map((command): SetCommand => {
      const compares = command.condition === 'ifeq' || command.condition === 'ifne';
      return compares ? command : { ...command, comparand: EMPTY_BYTES };
    });
  return fc.oneof(
    { arbitrary: set, weight: 3 },
    fc.record({ kind: fc.constant('get' as const), key }, PLAIN),
    fc.record({ kind: fc.constant('del' as const), keys }, PLAIN),
    fc.record({ kind: fc.constant('exists' as const), keys }, PLAIN),
    fc.record({ kind: fc.constant('incrby' as const), key, delta: anyInt64 }, PLAIN),
  );
}

const anyBytes = fc.uint8Array({ maxLength: 40 });
export const anyCommand = commandOver(anyBytes, anyBytes);
