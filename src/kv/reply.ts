/** What a command answers. `protocol/` writes it as RESP; nothing else gives it a form. */
export type Reply =
  | { readonly kind: 'simple'; readonly text: string }
  /** `text` starts with the error's code: "ERR …", "WRONGTYPE …". No CR or LF. */
  | { readonly kind: 'error'; readonly text: string }
  /** Decimal digits of a signed 64-bit integer come as a bigint where a number is not exact. */
  | { readonly kind: 'integer'; readonly value: number | bigint }
  /** A byte string: one char a byte (base/native.ts). */
  | { readonly kind: 'bulk'; readonly bytes: string }
  /** A bulk that is too long to be made a string of, or to be copied: nobody changes the bytes. */
  | { readonly kind: 'blob'; readonly bytes: Uint8Array }
  | { readonly kind: 'null' }
  | { readonly kind: 'array'; readonly items: readonly Reply[] }
  // RESP3 has a form for these; RESP2 writes a map and a set as arrays, and a text as a bulk.
  | { readonly kind: 'map'; readonly entries: readonly (readonly [Reply, Reply])[] }
  | { readonly kind: 'set'; readonly items: readonly Reply[] }
  /** A byte string that is meant to be shown to a person as it is. */
  | { readonly kind: 'verbatim'; readonly bytes: string };

export const OK: Reply = { kind: 'simple', text: 'OK' };
export const PONG: Reply = { kind: 'simple', text: 'PONG' };
export const NULL: Reply = { kind: 'null' };

export const simple = (text: string): Reply => ({ kind: 'simple', text });
export const error = (text: string): Reply => ({ kind: 'error', text });
export const integer = (value: number | bigint): Reply => ({ kind: 'integer', value });
export const bulk = (bytes: string): Reply => ({ kind: 'bulk', bytes });
export const blob = (bytes: Uint8Array): Reply => ({ kind: 'blob', bytes });
export const verbatim = (bytes: string): Reply => ({ kind: 'verbatim', bytes });
export const set = (items: readonly Reply[]): Reply => ({ kind: 'set', items });
export const map = (entries: readonly (readonly [Reply, Reply])[]): Reply => ({
  kind: 'map',
  entries,
});
export const array = (items: readonly Reply[]): Reply => ({ kind: 'array', items });
