import { Glob } from '../kv/glob.ts';

/** No name of a command or a setting is longer, and a long pattern is long to read. */
export const PATTERN_BYTES_MAX = 256;

/** A glob-style pattern over names, in any case. */
export class NamePattern {
  /** As it was written. */
  readonly text: string;
  private readonly glob: Glob;

  constructor(text: string) {
    this.text = text;
    this.glob = new Glob(text.toLowerCase());
  }

  matches(name: string): boolean {
    return this.glob.matches(name, Number.POSITIVE_INFINITY) === true;
  }
}
