import assert from 'node:assert/strict';
import { bytesOf } from '../../src/base/bytes.ts';
import { type Entry, EntryType, sealEntry, unsealedRecord } from '../../src/base/entry.ts';
import { INDEX_ZERO, index, nodeId, term } from '../../src/base/ids.ts';
import { LOG_START } from '../../src/base/snapshot.ts';
import type { Message } from '../../src/raft/messages.ts';
import { CoreCluster, type CoreClusterOptions } from '../../src/sim/messages/core-cluster.ts';
import type { DurableImage } from '../../src/sim/messages/durable-image.ts';

/** A cluster of cores on a table, with what tests ask for besides. */
export class Harness extends CoreCluster {
  /** A cluster whose nodes have just been started for the first time. */
  static started(options: CoreClusterOptions = {}): Harness {
    const harness = new Harness(options);
    for (const node of harness.nodes) harness.start(node.id);
    return harness;
  }

  /** A cluster that comes up with these logs, given as the terms of their entries. */
  static withLogs(logs: readonly (readonly number[])[], options: CoreClusterOptions = {}): Harness {
    const harness = new Harness({ ...options, nodes: logs.length });
    for (const [i, terms] of logs.entries()) {
      harness.nodes[i]!.image = imageOf(terms, Math.max(0, ...logs.flat()));
      harness.start(i + 1);
    }
    return harness;
  }

  /** Loses everything that is on its way and matches. */
  drop(matches: (message: Message) => boolean = () => true): void {
    this.messages = this.messages.filter((message) => !matches(message));
  }

  /** One node's timer runs out, exactly on time. The clock of all moves there if it is ahead. */
  timeout(id: number): void {
    this.nowMs = Math.max(this.nowMs, this.raft(id).nextTickMs);
    this.act(id, (raft) => raft.tick(this.nowMs));
  }

  /** Makes a node the leader by the ordinary way, in a cluster at rest without a living leader. */
  elect(id: number): void {
    this.forgetLeaders();
    this.timeout(id);
    // The first tick was a late one if the timer ran out while time was passing.
    if (this.raft(id).role === 'follower') this.timeout(id);
    this.settle();
    assert.equal(this.raft(id).role, 'leader', `node ${id} is elected`);
  }

  /** Lets enough time pass without any tick that nobody is loyal to an earlier leader. */
  forgetLeaders(): void {
    this.nowMs += this.timing.electionTimeoutMaxMs;
  }

  /** Repeats the step until the condition holds; a test must not wait for ever. */
  until(holds: () => boolean, step: () => void): void {
    for (let i = 0; i < 1000; i++) {
      if (holds()) return;
      step();
    }
    assert.fail(`never: ${holds}`);
  }

  /** A node's log behind its base, as the terms of its entries. */
  terms(id: number): number[] {
    const raft = this.raft(id);
    const { index: base } = raft.base;
    const length = raft.lastIndex - base;
    return Array.from({ length }, (_, i) => raft.termAt(index(base + i + 1)));
  }
}

/** An image whose log has these terms, as after a history that the test does not tell. */
export function imageOf(terms: readonly number[], currentTerm: number, votedFor = 0): DurableImage {
  return {
    hardState: { currentTerm: term(currentTerm), votedFor: nodeId(votedFor), suspect: false },
    base: LOG_START,
    entries: terms.map((t, i) => entryOf(i + 1, t)),
    commitIndex: INDEX_ZERO,
    snapshots: [],
  };
}

export function entryOf(at: number, ofTerm: number, text = `${ofTerm}.${at}`): Entry {
  return sealEntry(unsealedRecord(bytesOf(text)), EntryType.Command, term(ofTerm), index(at));
}
