import type { CommandOfLayout, FieldType, FieldTypes, Layout } from './command-fields.ts';

/**
 * The operations that are rows of a table: their code, and their fields in the order in which they
 * are written. The type of each command follows from its row, and so do its encoding, its decoding
 * and its tests. Codes below 16 are those of command.ts.
 *
 * `valueBytesMax` is the bound on what a value may grow to. A bound is a setting of a node, and
 * where it is applied each replica must come to the same result whatever its settings are; so the
 * bound that was in force at the door travels in the command. What only reads needs none: if
 * replicas differ in how much they would answer, nobody sees it.
 */
const layouts = {
  mget: { operation: 16, fields: { keys: 'keys' } },
  mset: { operation: 17, fields: { pairs: 'pairs' } },
  msetnx: { operation: 18, fields: { pairs: 'pairs' } },
  setnx: { operation: 19, fields: { key: 'bytes', value: 'rest' } },
  getdel: { operation: 20, fields: { key: 'rest' } },
  /** DELEX with a condition, and DELIFEQ. */
  delex: { operation: 21, fields: { comparison: 'comparison', key: 'bytes', comparand: 'rest' } },
  incrbyfloat: {
    operation: 22,
    fields: { valueBytesMax: 'u32', key: 'bytes', increment: 'rest' },
  },
  append: { operation: 23, fields: { valueBytesMax: 'u32', key: 'bytes', value: 'rest' } },
  setrange: {
    operation: 24,
    fields: { valueBytesMax: 'u32', offset: 'i64', key: 'bytes', value: 'rest' },
  },
  getrange: { operation: 25, fields: { start: 'i64', end: 'i64', key: 'rest' } },
  strlen: { operation: 26, fields: { key: 'rest' } },
  digest: { operation: 27, fields: { key: 'rest' } },

  type: { operation: 32, fields: { key: 'rest' } },
  /** TTL, PTTL, EXPIRETIME and PEXPIRETIME: as long as no key expires they agree. */
  ttl: { operation: 33, fields: { key: 'rest' } },
  rename: { operation: 34, fields: { key: 'bytes', newKey: 'rest' } },
  renamenx: { operation: 35, fields: { key: 'bytes', newKey: 'rest' } },
  copy: { operation: 36, fields: { replace: 'flag', source: 'bytes', destination: 'rest' } },
  keys: { operation: 37, fields: { pattern: 'rest' } },
  scan: {
    operation: 38,
    fields: { cursor: 'u64', count: 'u32', pattern: 'bytes', type: 'rest' },
  },
  randomkey: { operation: 39, fields: {} },
  dbsize: { operation: 40, fields: {} },
  flushall: { operation: 41, fields: {} },
} as const satisfies Record<string, Layout>;

type Layouts = typeof layouts;
export type LayoutKind = keyof Layouts;
export type LayoutCommandOf<K extends LayoutKind> = CommandOfLayout<K, Layouts[K]['fields']>;
export type LayoutCommand = { [K in LayoutKind]: LayoutCommandOf<K> }[LayoutKind];

/** A layout with the name of its command. */
export interface NamedLayout extends Layout {
  readonly kind: LayoutKind;
}

const kinds = Object.keys(layouts) as LayoutKind[];
/** For tests: each layout, in the order of the table. */
export const allLayouts: readonly NamedLayout[] = kinds.map((kind) => ({
  kind,
  ...layouts[kind],
}));
const byKind: ReadonlyMap<string, NamedLayout> = new Map(
  allLayouts.map((layout) => [layout.kind, layout]),
);
const byOperation: ReadonlyMap<number, NamedLayout> = new Map(
  allLayouts.map((layout) => [layout.operation, layout]),
);

export function layoutOf(command: LayoutCommand): NamedLayout {
  return byKind.get(command.kind)!;
}

/** @returns null for a code that no command has. */
export function layoutWith(operation: number): NamedLayout | null {
  return byOperation.get(operation) ?? null;
}

/** One field of a command, for whoever shows it. */
export interface CommandField {
  readonly name: string;
  readonly value: FieldTypes[FieldType];
}

/** In the order in which they are written. */
export function fieldsOf(command: LayoutCommand): readonly CommandField[] {
  const values = command as unknown as Record<string, FieldTypes[FieldType]>;
  return Object.keys(layoutOf(command).fields).map((name) => ({ name, value: values[name]! }));
}
