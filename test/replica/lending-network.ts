import type {
  Accept,
  Address,
  Listener,
  Network,
  Stream,
  StreamHandlers,
} from '../../src/replica/network.ts';

/** Takes back what it lends: the bytes that `onBytes` was given are overwritten when it returns, as
 *  the next read of a real socket overwrites them. */
export class LendingNetwork implements Network {
  private readonly network: Network;

  constructor(network: Network) {
    this.network = network;
  }

  listen(address: Address, accept: Accept, done: (error: string | null) => void): Listener {
    return this.network.listen(address, (stream, remote) => lending(accept(stream, remote)), done);
  }

  connect(address: Address, handlers: StreamHandlers): Stream {
    return this.network.connect(address, lending(handlers));
  }
}

function lending(handlers: StreamHandlers): StreamHandlers {
  return {
    onOpen: () => handlers.onOpen(),
    onBytes: (chunk) => {
      const lent = chunk.slice();
      handlers.onBytes(lent);
      lent.fill(0xdb);
    },
    onEnd: () => handlers.onEnd(),
    onDrain: () => handlers.onDrain(),
    onClose: (reason) => handlers.onClose(reason),
  };
}
