import { type Incarnation, NO_INCARNATION } from '../base/ids.ts';
import { FrameReader } from '../protocol/frame-reader.ts';
import {
  encodeChallenge,
  encodeHandshake,
  type Frame,
  PING,
  type Refuse,
  type Welcome,
} from '../protocol/frames.ts';
import { PeerProof } from '../protocol/peer-proof.ts';
import type { Member } from '../raft/configuration.ts';
import type { Timer } from './clock.ts';
import { introduce, isMember, judge } from './identity.ts';
import type { CloseReason, Stream } from './network.ts';
import { type PeerContext, SILENT_TICKS_MAX } from './peer-context.ts';
import { secretTrouble } from './peer-secret.ts';

/** Dials start at least this far apart, doubling from the first to the second, with jitter. */
const BACKOFF_MIN_MS = 20;
const BACKOFF_MAX_MS = 500;
/** A link that is lost sooner has flapped; after several in a row, it is dialed with patience. */
const SOLID_MS = 100;

export type LinkState =
  /** Not started, or closed for good. */
  | 'idle'
  | 'connecting'
  /** Connected and introduced; either side may still have to be admitted. */
  | 'greeting'
  /** Welcomed; the peer's identity is on its way to the disk. */
  | 'binding'
  | 'open'
  /** For the next dial. */
  | 'waiting';

/**
 * The dialing side of the stream to one peer. It carries this node's messages only; the peer's come
 * on the stream that the peer dials. It dials until closed.
 */
export class PeerLink {
  readonly peer: Member;
  private readonly context: PeerContext;
  private current: LinkState = 'idle';
  /** The stream of the latest dial. Its predecessors may still call back, and are not heard. */
  private stream: Stream | null = null;
  private reader: FrameReader;
  /** Of this stream; null where peers share no secret. */
  private proof: PeerProof | null = null;
  private silentTicks = 0;

  private dialedAtMs = 0;
  private backoffMs = BACKOFF_MIN_MS;
  private redial: Timer | null = null;
  private openedAtMs = 0;
  /** How often in a row the link was lost soon after it had opened. */
  private flaps = 0;

  /** Whom the open stream leads to. */
  private incarnation: Incarnation = NO_INCARNATION;
  /** Whom the last open stream led to, until it is known what became of it. */
  private lost: Incarnation = NO_INCARNATION;
  private lastRefusal = '';

  constructor(context: PeerContext, peer: Member) {
    this.context = context;
    this.peer = peer;
    this.reader = new FrameReader(context.limits);
  }

  get state(): LinkState {
    return this.current;
  }

  get isOpen(): boolean {
    return this.current === 'open';
  }

  get bufferedBytes(): number {
    return this.stream?.bufferedBytes ?? 0;
  }

  start(): void {
    if (this.current === 'idle') this.dial();
  }

  /** The frame must not change afterwards. Dropped unless the link is open. */
  send(frame: Uint8Array): void {
    if (this.current === 'open') this.stream?.write(frame);
  }

  flush(): void {
    if (this.current === 'open') this.stream?.flush();
  }

  /** Says again who this node is, after that changed. */
  greet(): void {
    if (this.current !== 'greeting' || this.stream === null) return;
    if (this.proof?.isReady === false) return;
    const introduction = introduce(this.context.identity.self(), this.peer);
    this.stream.write(encodeHandshake({ kind: 'Hello', introduction }, this.proof));
  }

  /** The peer has just called: it is there, so there is no reason to wait. */
  hurry(): void {
    if (this.current !== 'waiting') return;
    this.redial?.cancel();
    this.dial();
  }

  /** Once every TICK_MS. */
  tick(): void {
    if (this.stream === null || this.current === 'connecting') return;
    this.silentTicks++;
    if (this.silentTicks > SILENT_TICKS_MAX) this.fail('it is silent');
    else this.stream.write(PING);
  }

  close(): void {
    this.current = 'idle';
    this.redial?.cancel();
    this.dropStream();
  }

  private dial(): void {
    const { network, clock, limits, auth } = this.context;
    this.current = 'connecting';
    this.dialedAtMs = clock.now();
    this.silentTicks = 0;
    this.proof = auth === null ? null : new PeerProof(auth, 'dialer');
    this.reader = new FrameReader(limits, this.proof);
    const mine = () => this.stream === stream;
    const stream = network.connect(
      { host: this.peer.host, port: this.peer.peerPort },
      {
        onOpen: () => mine() && this.onOpen(),
        onBytes: (chunk) => mine() && this.onBytes(chunk),
        onEnd: () => mine() && this.onClose('reset'),
        onDrain: () => {},
        onClose: (reason) => mine() && this.onClose(reason),
      },
    );
    this.stream = stream;
  }

  private onOpen(): void {
    this.current = 'greeting';
    if (this.proof === null) this.greet();
    else this.stream?.write(encodeChallenge(this.proof.nonce));
  }

  private onBytes(chunk: Uint8Array): void {
    const { stream, reader } = this;
    this.silentTicks = 0;
    reader.feed(chunk);
    for (let frame = reader.next(); frame !== null; frame = reader.next()) {
      this.onFrame(frame);
      // Whatever the frame led to: the rest of a stream that was given up is not read.
      if (this.stream !== stream) return;
    }
  }

  private onFrame(frame: Frame): void {
    switch (frame.kind) {
      case 'Pong':
        return;
      case 'Welcome':
        this.onWelcome(frame);
        return;
      case 'Refuse':
        this.onRefuse(frame);
        return;
      case 'Challenge':
        this.onChallenge(frame.nonce);
        return;
      case 'Unproven':
        this.refused(frame.code, secretTrouble(frame.code, this.selfName, this.peer.name));
        return;
      case 'Deny':
        // Anybody can say so, but for a node that can't talk to its peer all it changes is the log.
        this.refused(frame.code, secretTrouble(frame.code, this.peer.name, this.selfName));
        return;
      case 'Defect':
        this.fail(frame.reason);
        return;
      default:
        this.fail(`it answered with a ${frame.kind}`);
    }
  }

  private get selfName(): string {
    return this.context.identity.self().name;
  }

  private onChallenge(nonce: Uint8Array): void {
    if (this.proof === null || this.proof.isReady) {
      this.fail('it sent a Challenge out of place');
      return;
    }
    this.proof.hear(nonce);
    this.greet();
  }

  /**
   * A refusal because of the directory ends this node, so not everybody's is believed: only one that
   * answers where the member is configured to listen, and introduces itself as that member, by
   * cluster, name and directory. So a stranger at that address, confused or of another cluster, ends
   * nobody; where peers share a secret, no stranger does at all. Without one, who means harm can
   * forge all of this, as they can forge terms and entries; and to stop does less harm than to go
   * on without one's promises.
   */
  private onRefuse({ introduction, code, text }: Refuse): void {
    const { identity, bindings, events } = this.context;
    const self = identity.self();
    this.refused(code, text);
    if (code !== 'DIRECTORY_OLD' && code !== 'DIRECTORY_REPLACED') return;
    if (!isMember(self, this.peer, introduction, bindings.get(this.peer.id))) return;
    if (code === 'DIRECTORY_REPLACED' && !self.established) {
      events.onAdmission(this.peer.id, 'other');
    } else {
      events.onDisowned(this.peer.id, text);
    }
  }

  private onWelcome({ introduction, knowsDialer }: Welcome): void {
    const { identity, bindings, events } = this.context;
    const self = identity.self();
    const refusal = judge(self, this.peer, introduction, bindings.get(this.peer.id));
    if (refusal !== null) {
      this.refused(refusal.code, refusal.text);
      return;
    }
    if (!self.established) {
      // Nothing may be said yet. Once it may, the greeting is said again.
      events.onAdmission(this.peer.id, knowsDialer ? 'same' : 'none');
      return;
    }
    if (this.current !== 'greeting' || !introduction.admitted || !knowsDialer) return;
    const { stream } = this;
    this.current = 'binding';
    bindings.bind(introduction, () => {
      if (this.stream === stream && this.current === 'binding') {
        this.opened(introduction.incarnation);
      }
    });
  }

  private opened(incarnation: Incarnation): void {
    const { clock, events } = this.context;
    this.current = 'open';
    this.openedAtMs = clock.now();
    this.incarnation = incarnation;
    this.lost = NO_INCARNATION;
    this.lastRefusal = '';
    events.onConnected(this.peer.id, incarnation);
  }

  /** The network ended the stream. */
  private onClose(reason: CloseReason): void {
    this.dropStream();
    if (this.current === 'open') {
      this.disconnected();
      return;
    }
    this.wait();
    if (reason !== 'refused' || this.lost === NO_INCARNATION) return;
    const gone = this.lost;
    this.lost = NO_INCARNATION;
    this.context.events.onProcessGone(this.peer.id, gone);
  }

  /** This side ends the stream: what it says, or that it says nothing, is wrong. */
  private fail(why: string): void {
    const wasOpen = this.current === 'open';
    this.dropStream();
    if (wasOpen) this.disconnected();
    else this.wait();
    this.context.events.onNotice(this.peer.id, `left the stream to ${this.peer.name}: ${why}`);
  }

  /** By the peer, or by this node, which found somebody else than it looked for. */
  private refused(code: string, text: string): void {
    const wasOpen = this.current === 'open';
    this.dropStream();
    this.backoffMs = BACKOFF_MAX_MS;
    this.wait();
    if (wasOpen) this.context.events.onDisconnected(this.peer.id);
    if (code === this.lastRefusal) return;
    this.lastRefusal = code;
    this.context.events.onRefused(this.peer.id, code, text);
  }

  /** Dials again, at once if the link had been there for a moment: whether the process is gone is
   *  worth knowing (DESIGN §8). */
  private disconnected(): void {
    const { clock, events } = this.context;
    this.lost = this.incarnation;
    if (clock.now() - this.openedAtMs >= SOLID_MS) this.flaps = 0;
    this.backoffMs = Math.min(BACKOFF_MIN_MS * 2 ** this.flaps, BACKOFF_MAX_MS);
    this.flaps++;
    this.wait();
    events.onDisconnected(this.peer.id);
  }

  private wait(): void {
    const { clock, random } = this.context;
    const dueAtMs = this.dialedAtMs + this.backoffMs * (0.5 + random.float() / 2);
    this.backoffMs = Math.min(2 * this.backoffMs, BACKOFF_MAX_MS);
    if (dueAtMs <= clock.now()) {
      this.dial();
      return;
    }
    this.current = 'waiting';
    this.redial = clock.timer(dueAtMs, () => {
      if (this.current === 'waiting') this.dial();
    });
  }

  private dropStream(): void {
    const { stream } = this;
    this.stream = null;
    stream?.destroy();
  }
}
