import type { Revision } from '../base/ids.ts';
import type { HashKey } from './half-sip-hash.ts';
import type { Keyspace } from './keyspace.ts';
import { KeyspaceBuilder } from './keyspace-builder.ts';
import { stateHash } from './state-hash.ts';
import { StateItemReader } from './state-item-reader.ts';
import { MalformedState, type StateHeader } from './state-stream.ts';

/** A state that has been read back, whole and verified: for one state machine to go on from. */
export interface RestoredState {
  readonly keyspace: Keyspace;
  readonly revision: Revision;
  /** `StateMachine.hash`: what the stream said, and what its items were found to have. */
  readonly hash: number;
}

/**
 * Builds a state from its stream (state-stream.ts), beside the one that serves meanwhile, in steps
 * that are short each: the pieces of the stream as they come, then what has to wait for all of them.
 * Every method throws a MalformedState when the stream is none; the restorer is then of no more use.
 *
 * Memory: that of the state itself, some 40 bytes a key more until it is done, and a part of one item.
 */
export class StateRestorer {
  private readonly reader = new StateItemReader();
  private readonly builder: KeyspaceBuilder;
  private building: Generator<number, Keyspace> | null = null;

  /** @param hashKey of this node (Keyspace): not of the one that wrote the stream.
   *  @param postponesOrder as `Keyspace.postponeOrder`. */
  constructor(hashKey: HashKey, postponesOrder = false) {
    this.builder = new KeyspaceBuilder(hashKey, postponesOrder);
  }

  /** What the stream begins with; null until that was read. */
  get header(): StateHeader | null {
    return this.reader.header;
  }

  /** The next piece of the stream, cut anywhere. Nothing of it is kept. */
  add(piece: Uint8Array): void {
    const { reader, builder } = this;
    reader.push(piece);
    while (reader.next()) builder.add(reader);
  }

  /**
   * To be called, once all pieces are there, until it answers.
   * @param workMax about so much is done, in looks at a cell: some ten to a hundred nanoseconds each.
   * @returns null as long as there is more to do.
   */
  finish(workMax: number): RestoredState | null {
    const { reader, builder } = this;
    if (reader.header === null || !reader.ended) throw new MalformedState('it ends early');
    const { revision, keysCreated } = reader.header;
    this.building ??= builder.build(keysCreated, reader.digest);
    for (let work = 0; work < workMax; ) {
      const step = this.building.next();
      if (step.done !== true) {
        work += step.value;
        continue;
      }
      const hash = stateHash(reader.digest, revision, keysCreated);
      return { keyspace: step.value, revision, hash };
    }
    return null;
  }
}
