import type { Prng } from '../base/prng.ts';
import type { Address } from '../client/address.ts';
import type {
  Transport,
  TransportHandlers,
  TransportStream,
  TransportTimer,
} from '../client/transport.ts';
import type { Network } from '../replica/network.ts';
import type { SimClock } from './clock.ts';

/** The simulated network and a clock, as the client wants them. */
export class SimClientTransport implements Transport {
  /** Answers that sent the client elsewhere. */
  redirects = 0;
  private readonly network: Network;
  private readonly clock: SimClock;
  private readonly chance: Prng;

  constructor(network: Network, clock: SimClock, chance: Prng) {
    this.network = network;
    this.clock = clock;
    this.chance = chance;
  }

  connect(address: Address, handlers: TransportHandlers): TransportStream {
    return this.network.connect(address, {
      onOpen: () => handlers.onOpen(),
      onBytes: (chunk) => {
        if (chunk[0] === DASH && chunk[1] === LETTER_R) this.redirects++;
        handlers.onBytes(chunk);
      },
      onEnd: () => handlers.onEnd(),
      onDrain: () => handlers.onDrain(),
      onClose: (reason) => handlers.onClose(reason),
    });
  }

  now(): number {
    return this.clock.now();
  }

  timer(atMs: number, callback: () => void): TransportTimer {
    return this.clock.timer(atMs, callback);
  }

  soon(callback: () => void): void {
    this.clock.soon(callback);
  }

  random(): number {
    return this.chance.float();
  }
}

/** `-REDIRECT` begins so; no other error does. */
const DASH = 0x2d;
const LETTER_R = 0x52;
