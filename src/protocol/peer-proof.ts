import { assert } from '../base/assert.ts';
import { bytesOf, concatBytes, EMPTY_BYTES, writeU32 } from '../base/bytes.ts';
import { equalInConstantTime, hmacSha256, SHA256_BYTES } from '../base/sha256.ts';

export const NONCE_BYTES = 32;
export const PROOF_BYTES: number = SHA256_BYTES;

/** What a node proves to its peers with, and asks proof of. */
export interface PeerAuth {
  /** The same bytes on every node; never on the wire. */
  readonly secret: Uint8Array;
  /** 32 unpredictable bytes: from the host's cryptographic source, never from a Prng in a server. */
  readonly nonce: () => Uint8Array;
}

const DIALER = 1;
const ACCEPTOR = 2;
const PURPOSE = bytesOf('dkvs peer handshake, version 1');

/**
 * One side's proofs on one stream. Each side draws a nonce; then every Hello, Welcome and Refuse ends
 * in an HMAC over
 *
 *     the purpose, who speaks (dialer or acceptor), the dialer's nonce, the acceptor's nonce,
 *     the number of the frame in its direction, the frame but for its checksum, length and proof
 *
 * under the shared secret. So a proof holds for one frame, in one place, in one direction of one
 * stream: recorded, it is of no use on another, whose nonces differ; sent back, it comes from the
 * wrong side; repeated or swapped, it has the wrong number. The frame itself says who speaks to whom,
 * by cluster, directory, name and start, so a proof that is passed on to a third node says there
 * that it was meant for another.
 */
export class PeerProof {
  /** This side's nonce. */
  readonly nonce: Uint8Array;
  private readonly secret: Uint8Array;
  private readonly self: number;
  private readonly other: number;
  /** Both nonces, the dialer's first; empty until the other side's has come. */
  private nonces: Uint8Array = EMPTY_BYTES;
  private sealed = 0;
  private opened = 0;

  constructor({ secret, nonce }: PeerAuth, side: 'dialer' | 'acceptor') {
    this.secret = secret;
    this.nonce = nonce();
    assert(this.nonce.length === NONCE_BYTES, () => `a nonce of ${this.nonce.length} bytes`);
    this.self = side === 'dialer' ? DIALER : ACCEPTOR;
    this.other = side === 'dialer' ? ACCEPTOR : DIALER;
  }

  /** The other side's challenge has come: from now on there can be proofs. */
  get isReady(): boolean {
    return this.nonces.length > 0;
  }

  hear(nonce: Uint8Array): void {
    assert(!this.isReady, () => 'one challenge a stream');
    const pair = this.self === DIALER ? [this.nonce, nonce] : [nonce, this.nonce];
    this.nonces = concatBytes(pair);
  }

  /** The proof of this side's next frame. */
  seal(frame: Uint8Array): Uint8Array {
    assert(this.isReady, () => 'a proof before the challenge');
    return this.proofOf(this.self, this.sealed++, frame);
  }

  /** Whether this is the other side's next frame. */
  holds(frame: Uint8Array, proof: Uint8Array): boolean {
    if (!this.isReady) return false;
    return equalInConstantTime(this.proofOf(this.other, this.opened++, frame), proof);
  }

  private proofOf(side: number, number: number, frame: Uint8Array): Uint8Array {
    const place = new Uint8Array(5);
    place[0] = side;
    writeU32(place, 1, number);
    return hmacSha256(this.secret, concatBytes([PURPOSE, place, this.nonces, frame]));
  }
}
