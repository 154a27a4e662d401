import { unreachable } from '../base/assert.ts';
import { byteString } from '../base/bytes.ts';
import { type CommandSpec, commands } from '../protocol/commands.ts';
import { encodeRequest } from '../protocol/request-writer.ts';
import type { RespValue } from '../protocol/resp-reader.ts';
import { type Address, formatAddress, parseAddress } from './address.ts';
import { Call, type CallOptions, type Outcome } from './call.ts';
import { ReplyError, UnavailableError, UnknownOutcomeError, UsageError } from './errors.ts';
import { Nodes } from './nodes.ts';
import type { CancelSignal, Transport } from './transport.ts';

/** An argument of a command: text goes out as UTF-8. */
export type Argument = string | Uint8Array;

export interface ClientOptions {
  /** Some of the cluster's nodes, `host:port`: the client finds the others by their redirects. */
  readonly nodes: readonly (string | Address)[];
  /** How long a command may take, in ms, unless it says so itself. */
  readonly deadlineMs?: number;
  /** A node that is silent for this long, in ms, is passed over for another. */
  readonly attemptMs?: number;
  /** Commands under way at once; more are refused as unavailable. */
  readonly pendingMax?: number;
}

export interface CommandOptions {
  /** In ms. When it passes, the command ends as unavailable or unknown, whichever is true. */
  readonly deadlineMs?: number;
  readonly signal?: CancelSignal;
}

/** The commands that the client knows; it takes any other for one that changes something. */
const known: ReadonlyMap<string, CommandSpec> = new Map(
  commands.map((spec) => [spec.name.split('|')[0]!, spec]),
);
/** These set up the connection, or end it, which is the client's own affair: it has one for each
 *  node, shares it among all its commands, and replaces it without a word. */
const CONNECTION: ReadonlySet<string> = new Set(['hello', 'quit', 'reset']);
/** Of CLIENT, what looks or speaks of other connections. The rest would set up this one. */
const CLIENT_LOOKS: ReadonlySet<string> = new Set([
  'getname',
  'help',
  'id',
  'info',
  'kill',
  'list',
]);

const DEADLINE_MS = 2000;
const ATTEMPT_MS = 400;
const PENDING_MAX = 65_536;

/**
 * A client of one cluster. Every command ends, within its deadline, in one of four ways, and each
 * is true: a reply; `ReplyError`, refused; `UnavailableError`, not applied; `UnknownOutcomeError`,
 * perhaps applied. It follows redirects, passes over nodes that are down, and waits out elections;
 * it never repeats a write that may have been applied.
 */
export class Client {
  private readonly transport: Transport;
  private readonly nodes: Nodes;
  private readonly deadlineMs: number;
  private readonly attemptMs: number;
  private readonly pendingMax: number;
  private readonly calls: Set<Call> = new Set();
  private closed = false;

  /** @throws UsageError when `nodes` is empty or one of them is not `host:port`. */
  constructor(transport: Transport, options: ClientOptions) {
    if (options.nodes.length === 0) throw new UsageError('the client needs at least one node');
    this.transport = transport;
    this.deadlineMs = options.deadlineMs ?? DEADLINE_MS;
    this.attemptMs = options.attemptMs ?? ATTEMPT_MS;
    this.pendingMax = options.pendingMax ?? PENDING_MAX;
    this.nodes = new Nodes(transport, this.attemptMs, options.nodes.map(addressOf));
  }

  /**
   * Sends one command, `['SET', 'key', 'value']`, to whoever leads.
   * @throws ReplyError, UnavailableError, UnknownOutcomeError, UsageError; the signal's reason, if
   *   it was aborted and nothing can have been applied.
   */
  command(args: readonly Argument[], options: CommandOptions = {}): Promise<RespValue> {
    return this.run(args, null, options);
  }

  /** Sends one command to this node and no other, once. Throws as `command` does. */
  commandTo(
    node: string | Address,
    args: readonly Argument[],
    options: CommandOptions = {},
  ): Promise<RespValue> {
    return this.run(args, node, options);
  }

  /** What the node says of itself: the JSON of its STATUS. Throws as `command` does. */
  async statusOf(node: string | Address, options: CommandOptions = {}): Promise<Uint8Array> {
    const value = await this.commandTo(node, ['STATUS'], options);
    if (value.kind === 'bulk') return value.bytes;
    throw new ReplyError(`ERR STATUS answered ${value.kind}`);
  }

  /**
   * `command` without promises, for hosts that step through events one by one.
   * @param done called exactly once, later.
   * @throws UsageError
   */
  submit(args: readonly Argument[], deadlineMs: number, done: (outcome: Outcome) => void): void {
    this.start(args, null, deadlineMs, done);
  }

  /** Ends everything under way, truthfully, and closes the connections. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const call of this.calls) call.giveUp('the client was closed');
    this.nodes.destroy('the client was closed');
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  private run(
    args: readonly Argument[],
    only: string | Address | null,
    { deadlineMs = this.deadlineMs, signal }: CommandOptions,
  ): Promise<RespValue> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const onAbort = () => call?.giveUp('the command was aborted');
      const call = this.start(args, only, deadlineMs, (outcome) => {
        signal?.removeEventListener('abort', onAbort);
        if (outcome.kind === 'reply') resolve(outcome.value);
        else if (outcome.kind === 'unavailable' && signal?.aborted) reject(signal.reason);
        else reject(errorOf(outcome));
      });
      signal?.addEventListener('abort', onAbort);
    });
  }

  private start(
    args: readonly Argument[],
    only: string | Address | null,
    deadlineMs: number,
    done: (outcome: Outcome) => void,
  ): Call | null {
    const spec = known.get(nameOf(args));
    const isAnywhere = spec?.where === 'connection';
    if (!(deadlineMs > 0)) throw new UsageError(`a deadline of ${deadlineMs} ms is no time at all`);
    const options: CallOptions = {
      isRead: isAnywhere || spec?.flags.includes('readonly') === true,
      route: only !== null ? addressOf(only) : isAnywhere ? 'any' : 'leader',
      deadlineAtMs: this.transport.now() + deadlineMs,
      attemptMs: this.attemptMs,
    };
    if (this.closed || this.calls.size >= this.pendingMax) {
      const reason = this.closed ? 'the client is closed' : 'too many commands are under way';
      this.transport.soon(() => done({ kind: 'unavailable', reason }));
      return null;
    }
    const request = encodeRequest(args);
    const call: Call = new Call(this.transport, this.nodes, request, options, (outcome) => {
      this.calls.delete(call);
      done(outcome);
    });
    this.calls.add(call);
    return call;
  }
}

/** @throws UsageError */
function addressOf(node: string | Address): Address {
  const address = parseAddress(typeof node === 'string' ? node : formatAddress(node));
  if (address === null) throw new UsageError(`not a node's host:port: ${JSON.stringify(node)}`);
  return address;
}

/** @throws UsageError */
function nameOf(args: readonly Argument[]): string {
  const name = typeof args[0] === 'string' ? args[0].toLowerCase() : '';
  if (name === '') throw new UsageError('a command starts with its name, as text');
  const second = typeof args[1] === 'string' ? args[1] : byteString(args[1] ?? new Uint8Array(0));
  const isSetting = name === 'client' && args.length > 1 && !CLIENT_LOOKS.has(second.toLowerCase());
  if (!CONNECTION.has(name) && !isSetting) return name;
  const words = name === 'client' ? `CLIENT ${second}` : name;
  throw new UsageError(
    `${words.toUpperCase()} is about the connection, which is the client's own affair`,
  );
}

function errorOf(outcome: Exclude<Outcome, { kind: 'reply' }>): Error {
  switch (outcome.kind) {
    case 'refused':
      return new ReplyError(outcome.text);
    case 'unavailable':
      return new UnavailableError(outcome.reason);
    case 'unknown':
      return new UnknownOutcomeError(outcome.reason);
    default:
      return unreachable(outcome);
  }
}
