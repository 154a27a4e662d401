import fc from 'fast-check';
import { bytesOf, EMPTY_BYTES } from '../../src/base/bytes.ts';
import { type Entry, EntryType, sealEntry } from '../../src/base/entry.ts';
import { index, term } from '../../src/base/ids.ts';
import { INT64_MAX, INT64_MIN, parseInt64 } from '../../src/base/int64.ts';
import { type Command, encodeCommand, type SetCommand } from '../../src/kv/command.ts';
import type { FieldType } from '../../src/kv/command-fields.ts';
import { allLayouts, type LayoutCommand, type NamedLayout } from '../../src/kv/command-layouts.ts';
import { xxh3Hex } from '../../src/kv/xxh3.ts';

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

const compares = ({ condition }: SetCommand) => /^if/.test(condition);

/** Any command over these keys and values, each operation with the same chance, SET with more. */
export function commandOver(
  key: fc.Arbitrary<Uint8Array>,
  value: fc.Arbitrary<Uint8Array>,
): fc.Arbitrary<Command> {
  const keys = fc.array(key, { minLength: 1, maxLength: 4 });
  const digest = value.map((value) => bytes(xxh3Hex(value)));
  const set = fc
    .record(
      {
        kind: fc.constant('set' as const),
        key,
        value,
        condition: fc.constantFrom('none', 'nx', 'xx', 'ifeq', 'ifne', 'ifdeq', 'ifdne'),
        comparand: fc.oneof(value, digest),
        get: fc.boolean(),
      },
      PLAIN,
    )
    .map((command): SetCommand => {
      return compares(command) ? command : { ...command, comparand: EMPTY_BYTES };
    });
  const small = fc.integer({ min: -6, max: 24 });
  const fieldOf: Record<FieldType, fc.Arbitrary<unknown>> = {
    comparison: fc.constantFrom('ifeq', 'ifne', 'ifdeq', 'ifdne'),
    flag: fc.boolean(),
    u32: fc.oneof(fc.nat({ max: 24 }), fc.nat({ max: 2 ** 32 - 1 })),
    u64: fc.oneof(fc.nat({ max: 24 }), fc.maxSafeNat()),
    i64: fc.oneof(small, anyInt64),
    bytes: key,
    rest: value,
    keys,
    pairs: fc.array(fc.record({ key, value }, PLAIN), { minLength: 1, maxLength: 4 }),
  };
  const layoutCommand = (layout: NamedLayout): fc.Arbitrary<LayoutCommand> => {
    const fields = Object.entries(layout.fields).map(([name, type]) => {
      // What names a key at the end is drawn from the keys, and what compares, from both.
      const isKey = ['key', 'newKey', 'destination'].includes(name);
      const last = isKey ? key : name === 'comparand' ? fc.oneof(value, digest) : value;
      return [name, type === 'rest' ? last : fieldOf[type]];
    });
    const record = fc.record(
      { kind: fc.constant(layout.kind), ...Object.fromEntries(fields) },
      PLAIN,
    );
    return record as unknown as fc.Arbitrary<LayoutCommand>;
  };
  return fc.oneof(
    { arbitrary: set, weight: 5 },
    fc.record({ kind: fc.constant('get' as const), key }, PLAIN),
    fc.record({ kind: fc.constant('del' as const), keys }, PLAIN),
    fc.record({ kind: fc.constant('exists' as const), keys }, PLAIN),
    fc.record({ kind: fc.constant('incrby' as const), key, delta: anyInt64 }, PLAIN),
    ...allLayouts.map(layoutCommand),
  );
}

const anyBytes = fc.uint8Array({ maxLength: 40 });
export const anyCommand = commandOver(anyBytes, anyBytes);
