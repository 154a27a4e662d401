import type { Address } from '../../client/address.ts';
import { Connection } from '../../client/connection.ts';
import { nodeTransport } from '../../node/client-transport.ts';
import { encodeRequest } from '../../protocol/request-writer.ts';
import type { RespValue } from '../../protocol/resp-reader.ts';

/** The node does not answer, or its connection is lost. */
export class NodeGone extends Error {
  override readonly name = 'NodeGone';
}

/**
 * One connection to one node, for commands that belong together: what a node keeps for a backup, it
 * keeps for the connection, and the client library replaces its connections without a word.
 */
export class NodeSession {
  private readonly connection: Connection;

  constructor(address: Address) {
    this.connection = new Connection(nodeTransport, address, () => {});
  }

  /**
   * Asks; the reply may be an error. Replies come in the order of the questions.
   * @param deadlineMs when it passes, the connection is broken off: a reply could come late.
   * @throws NodeGone
   */
  ask(args: readonly string[], deadlineMs: number): Promise<RespValue> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.connection.destroy('it was silent'), deadlineMs);
      this.connection.send(encodeRequest(args), (outcome) => {
        clearTimeout(timer);
        if (outcome.kind === 'reply') resolve(outcome.value);
        else reject(new NodeGone(outcome.reason));
      });
    });
  }

  /** @param why as what is asked for hears of it. */
  close(why = 'closed'): void {
    this.connection.destroy(why);
  }
}
