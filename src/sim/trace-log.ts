import type { Entry } from '../base/entry.ts';
import type { SnapshotInfo } from '../base/snapshot.ts';
import type { Outcome } from '../client/call.ts';
import type { Message } from '../raft/messages.ts';
import type { TraceEvent } from '../raft/trace.ts';
import type { Failure } from '../replica/failure.ts';
import { EventLog } from './event-log.ts';
import {
  type DurableChange,
  Observer,
  type SimDamageReport,
  type SimNode,
  type SimOperation,
  type SimRecovery,
  type SimWorldView,
  type StopKind,
} from './observer.ts';
import { sayMessage, sayTrace } from './say.ts';

/** Every event of a simulated world, in the log of its run. */
export class TraceLog extends Observer {
  private readonly log: EventLog;
  private world: SimWorldView | null = null;

  /** @param print takes each line at once; null: nobody does. */
  constructor(print: ((line: string) => void) | null) {
    super();
    this.log = new EventLog(print);
  }

  get hash(): string {
    return this.log.hash;
  }

  get last(): readonly string[] {
    return this.log.last;
  }

  override began(world: SimWorldView): void {
    this.world = world;
  }

  override started(node: SimNode, { recovered, state }: SimRecovery): void {
    this.add(1, node.id, recovered.lastIndex, state.currentTerm);
    const { run } = node;
    this.line(node, () => {
      const torn = recovered.tornBytes > 0 ? `, cut ${recovered.tornBytes} torn bytes` : '';
      const suspect = state.suspect ? ', a suspect' : '';
      return `starts (run ${run}): ${recovered.lastIndex} entries, term ${state.currentTerm}${torn}${suspect}`;
    });
  }

  override stopped(node: SimNode, how: StopKind, failure: Failure | null): void {
    this.add(2, node.id, how.length, failure === null ? 0 : 1);
    this.line(node, () => (failure === null ? `is ${how}` : `ends: ${failure.message}`));
  }

  override traced(node: SimNode, event: TraceEvent): void {
    this.add(3, node.id, event.term, event.kind.length);
    this.line(node, () => sayTrace(event));
  }

  override sent(node: SimNode, message: Message): void {
    this.add(4, node.id * 8 + message.to, message.term, message.kind.length);
    this.line(node, () => `-> n${message.to} ${sayMessage(message)}`);
  }

  override applied(node: SimNode, entry: Entry): void {
    this.add(5, node.id, entry.index, entry.term);
    this.line(node, () => `applies ${entry.index} of term ${entry.term}`);
  }

  override snapshotTaken(node: SimNode, { index, bytes }: SnapshotInfo): void {
    this.add(11, node.id, index, bytes);
    this.line(node, () => `has a snapshot at ${index}, ${bytes} bytes`);
  }

  override snapshotInstalled(node: SimNode, { index, bytes }: SnapshotInfo): void {
    this.add(12, node.id, index, bytes);
    this.line(node, () => `jumps to the snapshot at ${index}`);
  }

  override durable(node: SimNode, { path, offset, bytes, cause }: DurableChange): void {
    this.add(6, node.id, offset, bytes.length);
    const { length } = bytes;
    this.line(node, () => `${path}: ${length} bytes at ${offset} are durable (${cause})`);
  }

  override invoked({ id, client, args }: SimOperation): void {
    this.add(7, client, id, args.length);
    this.line(null, () => `c${client} asks (${id}) ${args.map(shorten).join(' ')}`);
  }

  override returned({ id, client }: SimOperation, outcome: Outcome): void {
    this.add(8, client, id, outcome.kind.length);
    this.line(null, () => `c${client} hears (${id}) ${sayOutcome(outcome)}`);
  }

  override damaged(node: SimNode, { what, path, offset, length }: SimDamageReport): void {
    this.add(9, node.id, offset, length);
    this.line(node, () => `is damaged: ${what} ${path} at ${offset}, ${length} bytes`);
  }

  override healed(core: readonly SimNode[]): void {
    this.add(10, core.length, 0, 0);
    const names = core.map(({ name }) => name).join(' ');
    this.line(null, () => `the faults stop; the core is ${names === '' ? 'empty' : names}`);
  }

  private add(kind: number, a: number, b: number, c: number): void {
    this.log.add(this.world?.nowMs ?? 0, kind, a, b, c);
  }

  private line(node: SimNode | null, say: () => string): void {
    this.log.line(this.world?.nowMs ?? 0, node?.name ?? '  ', say);
  }
}

function sayOutcome(outcome: Outcome): string {
  if (outcome.kind !== 'reply') {
    return `${outcome.kind}: ${outcome.kind === 'refused' ? outcome.text : outcome.reason}`;
  }
  const { value } = outcome;
  switch (value.kind) {
    case 'simple':
      return value.text;
    case 'integer':
      return `${value.value}`;
    case 'bulk':
      return shorten(String.fromCharCode(...value.bytes.subarray(0, 20)));
    default:
      return value.kind;
  }
}

const shorten = (text: string): string => (text.length <= 16 ? text : `${text.slice(0, 13)}...`);
