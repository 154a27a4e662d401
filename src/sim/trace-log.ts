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
    const torn = recovered.tornBytes > 0 ? `, cut ${recovered.tornBytes} torn bytes` : '';
    const suspect = state.suspect ? ', a suspect' : '';
    const log = `${recovered.lastIndex} entries, term ${state.currentTerm}`;
    this.line(node, `starts (run ${node.run}): ${log}${torn}${suspect}`, String);
  }

  override stopped(node: SimNode, how: StopKind, failure: Failure | null): void {
    this.add(2, node.id, how.length, failure === null ? 0 : 1);
    this.line(node, failure === null ? `is ${how}` : `ends: ${failure.message}`, String);
  }

  override traced(node: SimNode, event: TraceEvent): void {
    this.add(3, node.id, event.term, event.kind.length);
    this.line(node, event, sayTrace);
  }

  override sent(node: SimNode, message: Message): void {
    this.add(4, node.id * 8 + message.to, message.term, message.kind.length);
    this.line(node, message, sayTo);
  }

  override applied(node: SimNode, entry: Entry): void {
    this.add(5, node.id, entry.index, entry.term);
    this.line(node, entry, sayApplied);
  }

  override snapshotTaken(node: SimNode, info: SnapshotInfo): void {
    this.add(11, node.id, info.index, info.bytes);
    this.line(node, info, sayTaken);
  }

  override snapshotInstalled(node: SimNode, info: SnapshotInfo): void {
    this.add(12, node.id, info.index, info.bytes);
    this.line(node, info, sayJump);
  }

  override durable(node: SimNode, change: DurableChange): void {
    this.add(6, node.id, change.offset, change.bytes.length);
    this.line(node, change, sayDurable);
  }

  override invoked(operation: SimOperation): void {
    this.add(7, operation.client, operation.id, operation.args.length);
    this.line(null, operation, sayInvoked);
  }

  override returned(operation: SimOperation, outcome: Outcome): void {
    const { client, id } = operation;
    this.add(8, client, id, outcome.kind.length);
    this.line(null, { client, id, outcome }, sayReturned);
  }

  override damaged(node: SimNode, report: SimDamageReport): void {
    this.add(9, node.id, report.offset, report.length);
    this.line(node, report, sayDamaged);
  }

  override healed(core: readonly SimNode[]): void {
    this.add(10, core.length, 0, 0);
    const names = core.map(({ name }) => name).join(' ');
    this.line(null, `the faults stop; the core is ${names === '' ? 'empty' : names}`, String);
  }

  private add(kind: number, a: number, b: number, c: number): void {
    this.log.add(this.world?.nowMs ?? 0, kind, a, b, c);
  }

  private line<What>(node: SimNode | null, what: What, say: (what: What) => string): void {
    this.log.line(this.world?.nowMs ?? 0, node?.name ?? '  ', what, say);
  }
}

// Said later, if at all, and of what does not change any more.

function sayTo(message: Message): string {
  return `-> n${message.to} ${sayMessage(message)}`;
}

function sayTaken({ index, bytes }: SnapshotInfo): string {
  return `has a snapshot at ${index}, ${bytes} bytes`;
}

function sayJump({ index }: SnapshotInfo): string {
  return `jumps to the snapshot at ${index}`;
}

function sayApplied({ index, term }: Entry): string {
  return `applies ${index} of term ${term}`;
}

/** Of the bytes, which are valid during the call only, nothing but how many they are. */
function sayDurable({ path, offset, bytes, cause }: DurableChange): string {
  return `${path}: ${bytes.length} bytes at ${offset} are durable (${cause})`;
}

function sayInvoked({ client, id, args }: SimOperation): string {
  return `c${client} asks (${id}) ${args.map(shorten).join(' ')}`;
}

function sayReturned(answer: { client: number; id: number; outcome: Outcome }): string {
  return `c${answer.client} hears (${answer.id}) ${sayOutcome(answer.outcome)}`;
}

function sayDamaged({ what, path, offset, length }: SimDamageReport): string {
  return `is damaged: ${what} ${path} at ${offset}, ${length} bytes`;
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
