/** How many events before a failure are told. */
const KEPT = 64;

/**
 * Every event of a run as a line, for people; and all of them in one number, the same for the same
 * seed, whatever the host. A line is only written when it is printed, or among the last of a run.
 */
export class EventLog {
  private readonly print: ((line: string) => void) | null;
  private readonly kept: Kept[] = [];
  private next = 0;
  private low = 0x811c9dc5 | 0;
  private high = 0x1b873593;

  /** @param print takes each line at once; null: nobody does. */
  constructor(print: ((line: string) => void) | null) {
    this.print = print;
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    return [this.high, this.low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
  }

  /** The last events, oldest first. */
  get last(): readonly string[] {
    const { kept, next } = this;
    return [...kept.slice(next), ...kept.slice(0, next)].map(format);
  }

  /** An event enters the hash: a step of MurmurHash3's for each number, over two halves. */
  add(atMs: number, kind: number, a: number, b: number, c: number): void {
    const at = Math.floor(atMs * 1000) % 0x7fffffff;
    let { low, high } = this;
    low = Math.imul(low ^ (kind * 31 + a), 0xcc9e2d51);
    low = ((low << 15) | (low >>> 17)) ^ at;
    high = Math.imul(high ^ b, 0x1b873593);
    high = (((high << 13) | (high >>> 19)) + Math.imul(c + 1, 0x9e3779b1)) ^ low;
    this.low = low;
    this.high = high | 0;
  }

  /**
   * @param who a node's name; two spaces where it is none's.
   * @param what is kept as it is, and only said when somebody wants to read it.
   */
  line<What>(atMs: number, who: string, what: What, say: (what: What) => string): void {
    const { kept, next } = this;
    let line = kept[next];
    if (line === undefined) {
      line = { atMs: 0, who: '', what: null, say: String };
      kept.push(line);
    }
    line.atMs = atMs;
    line.who = who;
    line.what = what;
    line.say = say as (what: unknown) => string;
    this.next = next + 1 === KEPT ? 0 : next + 1;
    if (this.print !== null) this.print(format(line));
  }
}

/** An event that nobody may ever want to read. */
interface Kept {
  atMs: number;
  who: string;
  what: unknown;
  say: (what: unknown) => string;
}

function format({ atMs, who, what, say }: Kept): string {
  return `${atMs.toFixed(3).padStart(10)} ${who} ${say(what)}`;
}
