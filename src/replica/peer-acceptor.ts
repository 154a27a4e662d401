import { FrameReader } from '../protocol/frame-reader.ts';
import {
  type DenyCode,
  encodeChallenge,
  encodeDeny,
  encodeHandshake,
  type Frame,
  HANDSHAKE_FRAME_BYTES_MAX,
  type Introduction,
  PONG,
} from '../protocol/frames.ts';
import { PeerProof } from '../protocol/peer-proof.ts';
import type { Member } from '../raft/configuration.ts';
import type { Message } from '../raft/messages.ts';
import { introduce, judge } from './identity.ts';
import type { Stream, StreamHandlers } from './network.ts';
import { type PeerContext, SILENT_TICKS_MAX } from './peer-context.ts';
import { secretTrouble } from './peer-secret.ts';

/** What the acceptor tells the one who keeps all of them. */
export interface AcceptorOwner {
  /** The peer is who it says, as far as is known; an older stream of it is obsolete. */
  onGreeted(acceptor: PeerAcceptor, peer: Member): void;
  /** For the log. Null: nobody knows who dialed. */
  onNotice(peer: Member | null, text: string): void;
  /** Once, last. */
  onClosed(acceptor: PeerAcceptor): void;
}

type AcceptorState =
  /** The dialer has not said who it is. */
  | 'greeting'
  /** Both sides are admitted; the dialer's identity is on its way to the disk. */
  | 'binding'
  /** One of both is not admitted yet. */
  | 'acquainted'
  /** Messages count. */
  | 'open'
  /** Refused or given up. */
  | 'closing';

/** The dialer pings every tick, so it is gone or cut off; but the dialing side notices first. */
const ACCEPTED_SILENT_TICKS_MAX = 2 * SILENT_TICKS_MAX;

/**
 * The accepting side of a stream that a peer, or a stranger, has dialed. Where peers share a secret,
 * nothing that a stranger says is decoded, let alone believed: the reader gives a Hello only with
 * its proof.
 */
export class PeerAcceptor implements StreamHandlers {
  /** The host it was dialed from. */
  readonly from: string;
  private readonly context: PeerContext;
  private readonly owner: AcceptorOwner;
  private readonly stream: Stream;
  private readonly reader: FrameReader;
  /** Null where peers share no secret. */
  private readonly proof: PeerProof | null;
  private state: AcceptorState = 'greeting';
  private peer: Member | null = null;
  private said: Introduction | null = null;
  private silentTicks = 0;
  /** Bytes came, and no Pong has said so yet. */
  private unanswered = false;

  constructor(context: PeerContext, owner: AcceptorOwner, stream: Stream, from: string) {
    const { auth, limits } = context;
    this.context = context;
    this.owner = owner;
    this.stream = stream;
    this.from = from;
    this.proof = auth === null ? null : new PeerProof(auth, 'acceptor');
    this.reader = new FrameReader(limits, this.proof);
  }

  /** It has not said who it is, or was refused. */
  get isStranger(): boolean {
    return this.said === null || this.isClosing;
  }

  onOpen(): void {}

  onDrain(): void {}

  onBytes(chunk: Uint8Array): void {
    if (this.state === 'closing') return;
    // A stranger that says something, but not who it is, is not given more time than a silent one.
    if (!this.isStranger) this.silentTicks = 0;
    this.unanswered = true;
    this.reader.feed(chunk);
    for (let frame = this.reader.next(); frame !== null; frame = this.reader.next()) {
      this.onFrame(frame);
      if (this.isClosing) return;
    }
  }

  onEnd(): void {
    this.giveUp();
  }

  onClose(): void {
    this.state = 'closing';
    this.owner.onClosed(this);
  }

  /**
   * Once every TICK_MS. A dialer hears from here at least so often while its bytes arrive: its
   * pings may stand in line behind megabytes of entries.
   */
  tick(): void {
    this.silentTicks++;
    const ticksMax = this.state === 'greeting' ? SILENT_TICKS_MAX : ACCEPTED_SILENT_TICKS_MAX;
    if (this.isClosing) {
      // Refused: it has had its time to read why.
      if (this.silentTicks > ticksMax) this.giveUp();
    } else if (this.silentTicks > ticksMax) {
      this.fail(this.said === null ? 'it did not say who it is' : 'it is silent');
    } else if (this.unanswered && this.said !== null) {
      this.unanswered = false;
      this.write(PONG);
    }
  }

  /** This node's own identity has changed: says so to those who wait for it. */
  reconsider(): void {
    if (this.state === 'acquainted') this.settle();
  }

  /** Closes without a word. */
  giveUp(): void {
    this.state = 'closing';
    this.stream.destroy();
  }

  private get isClosing(): boolean {
    return this.state === 'closing';
  }

  private onFrame(frame: Frame): void {
    if (frame.kind === 'Hello') {
      this.onHello(frame.introduction);
    } else if (frame.kind === 'Defect') {
      this.fail(frame.reason);
    } else if (frame.kind === 'Challenge') {
      this.onChallenge(frame.nonce);
    } else if (frame.kind === 'Unproven') {
      this.deny(frame.code);
    } else if (
      this.said === null ||
      frame.kind === 'Welcome' ||
      frame.kind === 'Refuse' ||
      frame.kind === 'Deny'
    ) {
      this.fail(`a ${frame.kind} out of place`);
    } else if (frame.kind === 'Ping') {
      this.unanswered = false;
      this.write(PONG);
    } else if (frame.kind !== 'Pong') {
      this.onMessage(frame);
    }
  }

  private onChallenge(nonce: Uint8Array): void {
    if (this.proof === null) {
      this.deny('SECRET_UNEXPECTED');
    } else if (this.proof.isReady) {
      this.fail('a Challenge out of place');
    } else {
      this.proof.hear(nonce);
      this.write(encodeChallenge(this.proof.nonce));
    }
  }

  private deny(code: DenyCode): void {
    this.write(encodeDeny(code));
    const { name } = this.context.identity.self();
    this.notice(secretTrouble(code, name, this.from));
    this.state = 'closing';
    this.stream.end();
  }

  private onHello(introduction: Introduction): void {
    const { context } = this;
    const peer = context.members.find(({ id }) => id === introduction.fromNode) ?? null;
    const bound = context.bindings.get(introduction.fromNode);
    const self = context.identity.self();
    const refusal = judge(self, peer, introduction, bound);
    if (refusal !== null) {
      const dialer = { id: introduction.fromNode, name: introduction.fromName };
      const mine = introduce(self, dialer);
      const refuse = { kind: 'Refuse', introduction: mine, ...refusal } as const;
      this.write(encodeHandshake(refuse, this.proof));
      this.notice(`refused a peer: ${refusal.text}`);
      this.state = 'closing';
      this.stream.end();
    } else if (peer === null || (this.peer !== null && this.peer !== peer)) {
      this.fail('it changed its name');
    } else {
      this.peer = peer;
      this.said = introduction;
      this.owner.onGreeted(this, peer);
      this.settle();
    }
  }

  /** Binds a dialer when both sides are admitted, and welcomes it either way: a directory that is
   *  not admitted has promised nothing yet, and is never bound. */
  private settle(): void {
    const { said } = this;
    if (said === null) return;
    if (!said.admitted || !this.context.identity.self().admitted) {
      this.state = 'acquainted';
      this.welcome(said);
      return;
    }
    this.state = 'binding';
    this.context.bindings.bind(said, () => {
      if (this.state !== 'binding' || this.said !== said) return;
      this.state = 'open';
      this.reader.allowMessages();
      this.welcome(said);
    });
  }

  private welcome(said: Introduction): void {
    const { identity, bindings } = this.context;
    const introduction = introduce(identity.self(), this.peer!);
    const knowsDialer = bindings.isBound(said);
    this.write(encodeHandshake({ kind: 'Welcome', introduction, knowsDialer }, this.proof));
  }

  private onMessage(message: Message): void {
    if (this.state !== 'open') {
      this.fail(`a ${message.kind} before the welcome`);
    } else if (message.from !== this.said?.fromNode || message.to !== this.said.toNode) {
      this.fail(`a ${message.kind} from ${message.from} to ${message.to}`);
    } else {
      this.context.events.onMessage(message);
    }
  }

  /** Answers are few and small: who lets them pile up does not read them. */
  private write(bytes: Uint8Array): void {
    if (this.stream.bufferedBytes > HANDSHAKE_FRAME_BYTES_MAX) this.giveUp();
    else this.stream.write(bytes);
  }

  private fail(why: string): void {
    this.notice(`left a stream from ${this.peer?.name ?? `a stranger at ${this.from}`}: ${why}`);
    this.giveUp();
  }

  private notice(text: string): void {
    this.owner.onNotice(this.peer, text);
  }
}
