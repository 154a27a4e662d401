const SHARDS = 256;
const CHARS_HASHED = 16;

/**
 * A Map of byte strings, in 256 parts. V8 rehashes a Map as a whole when it doubles, which stops
 * everything for 260 ms at two million keys, on all replicas at the same entry; and it takes no
 * more than 2^24 keys. In parts, each stop is a 256th of that, and comes at a moment of its own.
 */
export class ShardedMap<V> {
  private readonly shards: Map<string, V>[] = [];
  private count = 0;

  constructor() {
    for (let i = 0; i < SHARDS; i++) this.shards.push(new Map());
  }

  get size(): number {
    return this.count;
  }

  get(key: string): V | undefined {
    return this.shards[shardOf(key)]!.get(key);
  }

  set(key: string, value: V): void {
    const shard = this.shards[shardOf(key)]!;
    const before = shard.size;
    shard.set(key, value);
    this.count += shard.size - before;
  }

  delete(key: string): boolean {
    const deleted = this.shards[shardOf(key)]!.delete(key);
    if (deleted) this.count--;
    return deleted;
  }
}

/** The end of a key is where keys differ. Who chooses keys that all fall into one part gets no
 *  worse than one Map. */
function shardOf(key: string): number {
  let hash = key.length;
  for (let i = Math.max(0, key.length - CHARS_HASHED); i < key.length; i++) {
    hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  }
  return (hash ^ (hash >>> 16)) & (SHARDS - 1);
}
