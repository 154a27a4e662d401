import type { Arena } from '../base/arena.ts';
import { INDEX_ZERO, type Index } from '../base/ids.ts';
import { encodeCommand } from '../kv/command.ts';
import { error, type Reply } from '../kv/reply.ts';
import type { ConnectionCommand } from '../protocol/commands/connection.ts';
import { type CommandSpec, commandSlot, resolveCommand } from '../protocol/commands.ts';
import { encodeRequest } from '../protocol/request-writer.ts';
import { RespParser, requestLimits } from '../protocol/resp-parser.ts';
import { type ProtocolVersion, RespWriter } from '../protocol/resp-writer.ts';
import {
  type ClientProfile,
  type Connection,
  type ConnectionService,
  newProfile,
} from './connection.ts';
import { connectionHandlers } from './connection-commands.ts';
import { type Deferred, isDeferred } from './deferred.ts';
import type { Address, CloseReason, Stream, StreamHandlers } from './network.ts';
import { type PendingReply, Pipeline } from './pipeline.ts';
import { Request } from './request.ts';

/** What the connections of one node share: the way into the replicated log, and what is known. */
export interface ClientService extends ConnectionService {
  /** Where the records of commands are made. */
  readonly records: Arena;
  /** Commands that another node has to carry out are forwarded to it (`--follower proxy`). */
  readonly forwards: boolean;
  /** Some bytes came: counts them, and tells the time anew. */
  received(bytes: number): number;
  /** Answers it, sooner or later, through `request.connection.answer`. */
  submit(request: Request): void;
  /** Called once a turn for a connection that has something to write. */
  flushLater(connection: ClientConnection): void;
  /** Called when input must wait for a later turn, so that no client starves the peers. */
  processLater(connection: ClientConnection): void;
  /** Takes `commands` from what this turn may still process, and more than that if need be; false
   *  when nothing is left. */
  spend(commands: number): boolean;
  /** Lets it proceed, turn by turn, until it says that it is done. */
  defer(connection: ClientConnection): void;
  closed(connection: ClientConnection): void;
  /** What a connection holds in memory now. May disconnect it. */
  charge(connection: ClientConnection, bytes: number): void;
  /** It has said its first command. */
  spoke(connection: ClientConnection): void;
  /** All has been written, and this side has ended the stream. */
  ended(connection: ClientConnection): void;
}

const ARGUMENTS_OF_A_COMMAND = 16;
const CHARGED_BYTES_MIN = 4096;

/** A client that is blocked is read on, so that its end is noticed, but only so far. */
const BLOCKED_INPUT_MAX = 64 * 1024;

/** What a command that is not fast takes of a turn's share, besides the one of every command: some
 *  take a hundred microseconds, where most take one. */
const SLOW_COMMAND_COST = 15;

/**
 * What a client's socket says, as a machine: bytes in, bytes out, nothing else. It parses commands,
 * answers those that concern the connection itself, submits the replicated ones, and writes the
 * replies in the order of the commands. It stops reading from a client that does not read, or that
 * has too many commands unanswered.
 */
export class ClientConnection implements StreamHandlers, Connection {
  readonly id: number;
  readonly remote: Address;
  readonly profile: ClientProfile = newProfile();
  readonly connectedMs: number;
  understandsRedirect = false;
  activeMs: number;
  lastCommand: CommandSpec | null = null;
  commands = 0;
  inputBytes = 0;
  outputBytes = 0;
  /** Written by the router. */
  lastIndex: Index = INDEX_ZERO;
  /** A reply that takes more than one turn; null when there is none. */
  deferred: Deferred | null = null;
  private readonly stream: Stream;
  private readonly service: ClientService;
  private readonly parser: RespParser;
  private readonly output = new RespWriter();
  private readonly pipeline: Pipeline;
  /** A command that runs only when nothing is pending; null when there is none. */
  private held: readonly Uint8Array[] | null = null;
  private heldBytes = 0;
  private chargedBytes = 0;
  private state: 'open' | 'ending' | 'closed' = 'open';
  private paused = false;
  private inputEnded = false;
  private flushing = false;
  private waitingForTurn = false;
  private hasSpoken = false;

  constructor(stream: Stream, service: ClientService, id: number, remote: Address) {
    this.stream = stream;
    this.service = service;
    this.id = id;
    this.remote = remote;
    this.connectedMs = service.now();
    this.activeMs = this.connectedMs;
    this.parser = new RespParser(requestLimits(service.limits));
    this.pipeline = new Pipeline(service.limits);
  }

  get protocol(): ProtocolVersion {
    return this.output.protocol;
  }

  set protocol(version: ProtocolVersion) {
    this.output.protocol = version;
  }

  get unparsedBytes(): number {
    return this.parser.unread;
  }

  get unsentBytes(): number {
    return this.output.length + this.stream.bufferedBytes;
  }

  /** No further command is run before something has happened. */
  get isBlocked(): boolean {
    return this.deferred !== null || (this.held !== null && this.pipeline.length > 0);
  }

  onOpen(): void {}

  onBytes(chunk: Uint8Array): void {
    if (this.state !== 'open') return;
    this.activeMs = this.service.received(chunk.length);
    this.inputBytes += chunk.length;
    this.parser.feed(chunk);
    this.process();
    this.parser.keep();
    this.account();
  }

  /** The client will send no more: what it asked for is still answered, then the stream ends. */
  onEnd(): void {
    this.inputEnded = true;
    if (this.deferred !== null) {
      this.deferred.endWait();
      this.flushLater();
    }
    this.process();
  }

  onDrain(): void {
    this.process();
    this.account();
  }

  onClose(_reason: CloseReason): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.service.closed(this);
  }

  /** Handles what has been received, as far as the bounds allow. */
  process(): void {
    this.waitingForTurn = false;
    while (this.state === 'open' && !this.isFull() && !this.isBlocked) {
      if (!this.service.spend(1)) {
        this.waitForTurn();
        return;
      }
      if (this.held !== null) {
        const args = this.held;
        this.held = null;
        this.heldBytes = 0;
        this.execute(args, false);
        continue;
      }
      const item = this.parser.next();
      if (item === 'empty') continue;
      if (item === 'more') {
        if (this.inputEnded) this.finish();
        break;
      }
      if ('protocolError' in item) {
        this.leave(item.protocolError);
        break;
      }
      // A command with many arguments takes the time of many commands.
      if (item.args.length > ARGUMENTS_OF_A_COMMAND) {
        this.service.spend(Math.floor(item.args.length / ARGUMENTS_OF_A_COMMAND));
      }
      this.execute(item.args, item.inline);
    }
    this.pauseOrResume();
  }

  /** Nobody can tell what the client meant. */
  private leave(protocolError: string): void {
    if (protocolError === '') {
      this.shed();
      return;
    }
    this.reply(error(protocolError));
    this.finish();
  }

  /** Gives a request its answer. Replies leave in the order in which the commands came. */
  answer(request: PendingReply, reply: Reply): void {
    request.reply = reply;
    if (this.pipeline.isNext(request)) this.writeReady();
  }

  /** Goes on with the deferred reply. True when it is given, or nobody waits for it any more. */
  proceed(nowMs: number): boolean {
    if (this.state === 'closed' || this.deferred === null) return true;
    const reply = this.deferred.proceed(nowMs);
    if (reply === null) return false;
    this.deferred = null;
    this.reply(reply);
    this.process();
    return true;
  }

  /** Writes what this turn has produced, in one go. */
  flush(): void {
    this.flushing = false;
    if (this.state === 'closed') return;
    if (this.output.length > 0) this.writeOut();
    if (this.state === 'ending' && this.pipeline.length === 0) {
      this.stream.end();
      this.service.ended(this);
      return;
    }
    const { clientPauseOutputBytes } = this.service.limits;
    if (this.paused && this.unsentBytes <= clientPauseOutputBytes) this.pipeline.widen();
    if (this.paused || this.held !== null) this.process();
    this.account();
  }

  /** Reads no more commands, answers the ones that were read, and then ends the stream. */
  finish(): void {
    if (this.state !== 'open') return;
    this.state = 'ending';
    this.flushLater();
  }

  /** There are too many clients: says so and ends. */
  refuse(): void {
    this.output.write(error('ERR max number of clients reached'));
    this.finish();
  }

  /** Disconnects it now: what it has not read is lost. */
  shed(): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    while (this.output.length > 0) this.output.take();
    this.stream.destroy();
    this.service.closed(this);
  }

  get unanswered(): number {
    return this.pipeline.length;
  }

  private execute(args: readonly Uint8Array[], inline: boolean): void {
    const spec = resolveCommand(args);
    if ('kind' in spec) {
      this.reply(spec);
      return;
    }
    this.lastCommand = spec;
    if (!this.hasSpoken) {
      this.hasSpoken = true;
      this.service.spoke(this);
    }
    if (spec.where === 'connection') {
      this.executeHere(spec, args);
      return;
    }
    this.commands++;
    const command = spec.parse(args, this.service.limits);
    if (command.kind === 'error') {
      this.reply(command);
      return;
    }
    const form = inline || this.understandsRedirect ? 'redirect' : 'moved';
    const slot = form === 'moved' ? commandSlot(spec, args) : 0;
    const record = encodeCommand(command, this.service.records);
    const forwarding =
      this.service.forwards && !this.understandsRedirect
        ? { bytes: encodeRequest(args), isRead: spec.flags.includes('readonly') }
        : null;
    const request = new Request(this, record, form, slot, this.service.now(), forwarding);
    this.pipeline.push(request);
    this.service.submit(request);
  }

  /** Answers a command that is not replicated, now or when everything before it is answered. */
  private executeHere(spec: ConnectionCommand, args: readonly Uint8Array[]): void {
    if (spec.inOrder && this.pipeline.length > 0) {
      this.held = args.map((arg) => arg.slice()); // what was read is only lent
      for (const arg of args) this.heldBytes += arg.length;
      return;
    }
    this.commands++;
    if (!spec.flags.includes('fast')) this.service.spend(SLOW_COMMAND_COST);
    const answer = connectionHandlers[spec.name](this, this.service, args);
    if (isDeferred(answer)) {
      this.deferred = answer;
      this.service.defer(this);
    } else this.reply(answer);
  }

  private reply(reply: Reply): void {
    if (this.pipeline.length > 0) {
      this.pipeline.push({ reply, bytes: 0 });
      return;
    }
    this.write(reply);
    this.flushLater();
  }

  /** Above the bound the client is disconnected before another reply is written: many small requests
   *  may ask for much, and be answered in one turn. */
  private write(reply: Reply): void {
    if (this.state === 'closed') return;
    const before = this.output.length;
    this.output.write(reply);
    this.pipeline.wrote(this.output.length - before);
    const { clientOutputBytesMax, clientPauseOutputBytes } = this.service.limits;
    const unread = this.unsentBytes;
    if (unread > clientOutputBytesMax) this.shed();
    // Less than that is accounted for once a turn, when it is flushed.
    else if (unread > clientPauseOutputBytes) this.account();
  }

  private writeOut(): void {
    while (this.output.length > 0) {
      const bytes = this.output.take();
      this.outputBytes += bytes.length;
      this.service.stats.outputBytes += bytes.length;
      this.stream.write(bytes);
    }
  }

  /** What a client holds for a moment, which most do at each reply, is not worth a book entry. */
  private account(): void {
    if (this.state === 'closed') return;
    const bytes = this.parser.heldBytes + this.heldBytes + this.unsentBytes;
    const charged = this.hasSpoken && bytes < CHARGED_BYTES_MIN ? 0 : bytes;
    if (charged === this.chargedBytes) return;
    this.chargedBytes = charged;
    this.service.charge(this, charged);
  }

  private writeReady(): void {
    const { pipeline } = this;
    for (let reply = pipeline.takeReply(); reply !== null; reply = pipeline.takeReply()) {
      this.write(reply);
    }
    this.flushLater();
  }

  private flushLater(): void {
    if (this.flushing || this.state === 'closed') return;
    this.flushing = true;
    this.service.flushLater(this);
  }

  private waitForTurn(): void {
    if (this.waitingForTurn) return;
    this.waitingForTurn = true;
    this.pause();
    this.service.processLater(this);
  }

  private isFull(): boolean {
    return this.unsentBytes > this.service.limits.clientPauseOutputBytes || this.pipeline.isFull;
  }

  private pauseOrResume(): void {
    const blockedFull = this.isBlocked && this.parser.unread > BLOCKED_INPUT_MAX;
    if (this.isFull() || blockedFull) this.pause();
    else if (this.paused && !this.waitingForTurn) {
      this.paused = false;
      this.stream.resume();
    }
  }

  private pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.stream.pause();
  }
}
