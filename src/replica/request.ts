import type { Reply } from '../kv/reply.ts';
import type { ClientConnection } from './client-connection.ts';

/** How a client that asked the wrong node wants to hear of the right one (DESIGN "wire protocol"). */
export type RedirectForm = 'redirect' | 'moved';

/** What it takes to have another node carry a command out (replica/forwarder.ts). */
export interface Forwarding {
  /** The command as it came, as a RESP array. */
  readonly bytes: Uint8Array;
  /** It changes nothing, so it may be asked twice. */
  readonly isRead: boolean;
}

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
  /** Null where this node redirects, and for clients that follow redirects by themselves. */
  readonly forwarding: Forwarding | null;
  /** What it holds in memory. Kept, since the record is the log's own once it is appended. */
  readonly bytes: number;
  /** Null until answered. Written once. */
  reply: Reply | null = null;

  constructor(
    connection: ClientConnection,
    record: Uint8Array,
    redirectForm: RedirectForm,
    slot: number,
    arrivedMs: number,
    forwarding: Forwarding | null,
  ) {
    this.connection = connection;
    this.record = record;
    this.bytes = record.length + (forwarding?.bytes.length ?? 0);
    this.redirectForm = redirectForm;
    this.slot = slot;
    this.arrivedMs = arrivedMs;
    this.forwarding = forwarding;
  }
}
