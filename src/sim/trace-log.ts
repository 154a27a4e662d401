import type { Entry } from '../base/entry.ts';
import type { Outcome } from '../client/call.ts';
import type { Message } from '../raft/messages.ts';
import type { TraceEvent } from '../raft/trace.ts';
import type { Failure } from '../replica/failure.ts';
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

/** How many events before a failure are told. */
const KEPT = 64;

/**
 * Every event of a run as a line, for people; and all of them in one number, the same for the same
 * seed, whatever the host. A line is only written when it is printed, or among the last of a run.
 */
export class TraceLog extends Observer {
  private readonly print: ((line: string) => void) | null;
  private readonly kept: Kept[] = [];
  private next = 0;
  private world: SimWorldView | null = null;
  private low = 0x811c9dc5;
  private high = 0x1b873593;

  /** @param print takes each line at once; null: nobody does. */
  constructor(print: ((line: string) => void) | null) {
    super();
    this.print = print;
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    return [this.high, this.low].map((half) => half.toString(16).padStart(8, '0')).join('');
  }

  /** The last events, oldest first. */
  get last(): readonly string[] {
    const { kept, next } = this;
    return [...kept.slice(next), ...kept.slice(0, next)].map(format);
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

  /** A step of MurmurHash3's for each number, over two halves. */
  private add(kind: number, a: number, b: number, c: number): void {
    const at = Math.floor((this.world?.nowMs ?? 0) * 1000) % 0x7fffffff;
    let { low, high } = this;
    low = Math.imul(low ^ (kind * 31 + a), 0xcc9e2d51);
    low = ((low << 15) | (low >>> 17)) ^ at;
    high = Math.imul(high ^ b, 0x1b873593);
    high = (((high << 13) | (high >>> 19)) + Math.imul(c + 1, 0x9e3779b1)) ^ low;
    this.low = low >>> 0;
    this.high = high >>> 0;
  }

  private line(node: SimNode | null, say: () => string): void {
    const line = { atMs: this.world?.nowMs ?? 0, node, say };
    if (this.print !== null) this.print(format(line));
    if (this.kept.length < KEPT) this.kept.push(line);
    else this.kept[this.next] = line;
    this.next = (this.next + 1) % KEPT;
  }
}

/** An event that nobody may ever want to read. */
interface Kept {
  readonly atMs: number;
  readonly node: SimNode | null;
  readonly say: () => string;
}

function format({ atMs, node, say }: Kept): string {
  return `${atMs.toFixed(3).padStart(10)} ${node?.name ?? '  '} ${say()}`;
}

function sayTrace(event: TraceEvent): string {
  switch (event.kind) {
    case 'role':
      return `becomes ${event.role} in term ${event.term}: ${event.reason}`;
    case 'term':
      return `is in term ${event.term}`;
    case 'vote':
      return `votes for n${event.candidate} in term ${event.term}`;
    case 'leader':
      return event.leader === 0 ? 'knows of no leader' : `follows n${event.leader}`;
    case 'append':
      return `appends ${event.from}..${event.to}`;
    case 'truncate':
      return `cuts its log from ${event.from} on`;
    case 'reinstated':
      return 'is whole again, and no suspect any more';
    default:
      return `has committed up to ${event.commitIndex}`;
  }
}

function sayMessage(message: Message): string {
  const { kind, term } = message;
  switch (message.kind) {
    case 'AppendEntries': {
      const { prevLogIndex, entries, leaderCommit } = message;
      const what = entries.length === 0 ? 'nothing' : `${entries.length} entries`;
      return `${kind} term ${term}: ${what} behind ${prevLogIndex}, commit ${leaderCommit}`;
    }
    case 'AppendEntriesResponse':
      return message.success
        ? `${kind} term ${term}: has ${message.matchIndex}`
        : `${kind} term ${term}: no, try ${message.hintIndex}`;
    case 'PreVoteResponse':
    case 'RequestVoteResponse':
      return `${kind} term ${term}: ${message.voteGranted ? 'yes' : 'no'}`;
    default:
      return `${kind} term ${term}`;
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
