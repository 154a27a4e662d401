import type { Reply } from '../kv/reply.ts';
import type { ClientConnection } from './client-connection.ts';

/** How a client that asked the wrong node wants to hear of the right one (DESIGN "wire protocol"). */
export type RedirectForm = 'redirect' | 'moved';

/**
 * One replicated command of one client, from its bytes to its answer. It is its connection's place
 * in the order of replies, so the answers leave in the order in which the commands came.
 */
export class Request {
  readonly connection: ClientConnection;
  /** An unsealed record (base/entry.ts): the core makes an entry of it where it is appended. */
  readonly record: Uint8Array;
  readonly redirectForm: RedirectForm;
  /** The hash slot of its first key, for MOVED. */
  readonly slot: number;
  readonly arrivedMs: number;
  /** What it takes of the log. Kept, since the record is the log's own once it is appended. */
  readonly bytes: number;
  /** Null until answered. Written once. */
  reply: Reply | null = null;

  constructor(
    connection: ClientConnection,
    record: Uint8Array,
    redirectForm: RedirectForm,
    slot: number,
    arrivedMs: number,
  ) {
    this.connection = connection;
    this.record = record;
    this.bytes = record.length;
    this.redirectForm = redirectForm;
    this.slot = slot;
    this.arrivedMs = arrivedMs;
  }
}
