import { bytesOf } from '../../base/bytes.ts';
import { mix, murmur3 } from '../../kv/murmur3.ts';
import { execute, type ReplyText, type Store } from './commands.ts';

interface Value {
  readonly text: string;
  /** The revision that wrote it. */
  readonly revision: number;
  /** Which key this was to be created, counted from 1. */
  readonly serial: number;
}

/**
 * The state machine once more, as simple as it can be: one Map. The real one must agree with it, in
 * every reply and in the hash of its state (S22).
 */
export class ReferenceMachine implements Store {
  private readonly values = new Map<string, Value>();
  private currentRevision = 0;
  private created = 0;
  private changed = false;

  apply(words: readonly string[]): ReplyText {
    this.changed = false;
    const reply = execute(this, words);
    // However much it changed, it is one revision.
    if (this.changed) this.currentRevision++;
    return reply;
  }

  get revision(): number {
    return this.currentRevision;
  }

  get size(): number {
    return this.values.size;
  }

  /** `StateMachine.hash`, from the whole state anew: a sum over the keys, then the revision, then how
   *  many keys were ever created. */
  hash(): number {
    let sum = 0;
    for (const [key, { text, revision, serial }] of this.values) {
      const [keyBytes, valueBytes] = [bytesOf(key), bytesOf(text)];
      const keyHash = murmur3(keyBytes, 0, keyBytes.length, 0);
      const content = mix(murmur3(valueBytes, 0, valueBytes.length, keyHash), revision);
      sum = (sum + mix(content, serial)) | 0;
    }
    return mix(mix(sum, this.currentRevision), this.created);
  }

  get(key: string): string | undefined {
    return this.values.get(key)?.text;
  }

  set(key: string, text: string): void {
    this.changed = true;
    const serial = this.values.get(key)?.serial ?? ++this.created;
    this.values.set(key, { text, revision: this.currentRevision + 1, serial });
  }

  delete(key: string): void {
    this.changed = true;
    this.values.delete(key);
  }
}
