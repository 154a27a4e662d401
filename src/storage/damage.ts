import type { Index } from '../base/ids.ts';
import type { LogPosition } from './segment.ts';

/**
 * Bytes of the log that may have been promised to somebody, and are not what was written: rot, a
 * part of a file that is gone or can't be read, a missing segment. What to do: suspicion.ts.
 */
export interface Damage {
  readonly file: string;
  /** In bytes, where the trouble begins. */
  readonly offset: number;
  readonly what: string;
  /** The good log ends with this entry, … */
  readonly goodIndex: Index;
  /** … and here; null: nothing of it is good. */
  readonly cut: LogPosition | null;
}

export function isDamage(value: object): value is Damage {
  return 'goodIndex' in value;
}

/** What is wrong, and where. */
export function describeDamage({ file, offset, what, goodIndex }: Damage): string {
  const where = offset === 0 ? file : `${file} at byte ${offset}`;
  return `${where}: ${what} (the log is good up to entry ${goodIndex})`;
}
