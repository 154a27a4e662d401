import type { SnapshotInfo } from '../../base/snapshot.ts';
import type { Message } from '../../raft/messages.ts';
import type { TraceEvent } from '../../raft/trace.ts';
import type { EventLog } from '../event-log.ts';
import { sayMessage, sayTrace } from '../say.ts';
import type { CoreCluster } from './core-cluster.ts';
import type { CoreNode } from './core-node.ts';
import { lastIndexOf } from './durable-image.ts';
import type { Loss, Witness } from './witness.ts';

/** Every event of a cluster of cores, in the log of its run. */
export class CoreLog implements Partial<Witness> {
  private readonly cluster: CoreCluster;
  private readonly log: EventLog;

  constructor(cluster: CoreCluster, log: EventLog) {
    this.cluster = cluster;
    this.log = log;
  }

  started({ id, name, incarnation, image }: CoreNode): void {
    const { hardState, base } = image;
    const { currentTerm, suspect } = hardState;
    const length = lastIndexOf(image);
    this.add(1, id, length, currentTerm);
    const behind = base.index === 0 ? '' : `, ${base.index} of them in a snapshot`;
    const as = suspect ? ', a suspect' : '';
    this.line(
      name,
      () => `starts (run ${incarnation}): ${length} entries${behind}, term ${currentTerm}${as}`,
    );
  }

  crashed({ id, name }: CoreNode, requests: number, kept: number): void {
    this.add(2, id, requests, kept);
    this.line(name, () => `crashes; of ${requests} requests to its disk ${kept} were finished`);
  }

  rotted({ id, name, image }: CoreNode): void {
    const length = lastIndexOf(image);
    this.add(3, id, length, 0);
    this.line(name, () => `has rotted; its log is good up to ${length}`);
  }

  sent(node: CoreNode, message: Message): void {
    this.message(4, 'sends', node.name, message);
  }

  delivered(message: Message): void {
    this.message(5, 'hears', `n${message.to}`, message);
  }

  lost(message: Message, why: Loss): void {
    this.message(6, `loses (${why})`, '  ', message);
  }

  duplicated(message: Message): void {
    this.message(7, 'repeats', '  ', message);
  }

  traced({ id, name }: CoreNode, event: TraceEvent): void {
    this.add(8, id, event.term, event.kind.length);
    this.line(name, () => sayTrace(event));
  }

  durable({ id, name, image, durableSequence }: CoreNode): void {
    const length = lastIndexOf(image);
    this.add(9, id, durableSequence, length);
    this.line(name, () => `#${durableSequence} is durable: a log up to ${length}`);
  }

  read({ id, name }: CoreNode, entries: number): void {
    this.add(10, id, entries, 0);
    this.line(name, () => `reads ${entries} entries back`);
  }

  snapshotTaken({ id, name }: CoreNode, snapshot: SnapshotInfo): void {
    this.add(12, id, snapshot.index, snapshot.bytes);
    this.line(name, () => `has taken snapshot ${snapshot.id} of ${snapshot.index}`);
  }

  snapshotRead({ id, name }: CoreNode, found: boolean): void {
    this.add(13, id, found ? 1 : 0, 0);
    this.line(name, () => (found ? 'reads of a snapshot' : 'finds no such snapshot'));
  }

  received({ id, name }: CoreNode, snapshot: SnapshotInfo, outcome: string): void {
    this.add(14, id, snapshot.index, outcome.length);
    this.line(name, () => `has all of snapshot ${snapshot.id} of ${snapshot.index}: ${outcome}`);
  }

  /** Something that the network does, or that is done to a node from outside. */
  did(name: string, what: string): void {
    this.add(11, name.length, what.length, 0);
    this.line(name, () => what);
  }

  private message(kind: number, verb: string, who: string, message: Message): void {
    const { from, to, term } = message;
    this.add(kind, from * 8 + to, term, message.kind.length);
    this.line(who, () => `${verb} n${from} -> n${to} ${sayMessage(message)}`);
  }

  private add(kind: number, a: number, b: number, c: number): void {
    this.log.add(this.cluster.nowMs, kind, a, b, c);
  }

  private line(who: string, say: () => string): void {
    this.log.line(this.cluster.nowMs, who, say, call);
  }
}

const call = (say: () => string): string => say();
