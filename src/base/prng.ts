/**
 * A seeded source of randomness: sfc32 (Chris Doty-Humphrey's PractRand), 128 bits of state. Not
 * for secrets. The same seed gives the same numbers on every host.
 */
export class Prng {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  /** @param seed any safe integer; all of its bits count. */
  constructor(seed: number) {
    this.a = seed | 0;
    this.b = Math.floor(seed / 2 ** 32) | 0;
    this.c = 0x9e3779b9 | 0;
    for (let i = 0; i < 15; i++) this.u32();
  }

  /** Uniform in [0, 2^32). The state is kept as signed numbers of 32 bits, which engines hold
   *  without an object of their own. */
  u32(): number {
    const { a, b, c, counter } = this;
    const t = (a + b + counter) | 0;
    this.counter = (counter + 1) | 0;
    this.a = b ^ (b >>> 9);
    this.b = (c + (c << 3)) | 0;
    this.c = (((c << 21) | (c >>> 11)) + t) | 0;
    return t >>> 0;
  }

  /** Uniform in [0, 1). */
  float(): number {
    return this.u32() / 2 ** 32;
  }

  /** A whole number, uniform in [0, below). */
  below(below: number): number {
    return Math.floor(this.float() * below);
  }

  chance(probability: number): boolean {
    return this.float() < probability;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.u32();
    return bytes;
  }

  /** A generator of its own, so that one consumer's draws do not shift another's. */
  fork(): Prng {
    return new Prng(this.u32() + (this.u32() & 0x1fffff) * 2 ** 32);
  }
}
