/** What a command answers. `protocol/` writes it as RESP; nothing else gives it a form. */
export type Reply =
  | { readonly kind: 'simple'; readonly text: string }
  /** `text` starts with the error's code: "ERR …", "WRONGTYPE …". No CR or LF. */
  | { readonly kind: 'error'; readonly text: string }
  /** Decimal digits of a signed 64-bit integer come as a bigint where a number is not exact. */
  | { readonly kind: 'integer'; readonly value: number | bigint }
  /** A byte string: one char a byte (base/native.ts). */
  | { readonly kind: 'bulk'; readonly bytes: string }
  | { readonly kind: 'null' }
  | { readonly kind: 'array'; readonly items: readonly Reply[] };

export const OK: Reply = { kind: 'simple', text: 'OK' };
export const PONG: Reply = { kind: 'simple', text: 'PONG' };
export const NULL: Reply = { kind: 'null' };

export const simple = (text: string): Reply => ({ kind: 'simple', text });
export const error = (text: string): Reply => ({ kind: 'error', text });
export const integer = (value: number | bigint): Reply => ({ kind: 'integer', value });
export const bulk = (bytes: string): Reply => ({ kind: 'bulk', bytes });
export const array = (items: readonly Reply[]): Reply => ({ kind: 'array', items });
