import { type Index, index } from '../base/ids.ts';
import type { Limits } from '../base/limits.ts';
import type { Reply } from '../kv/reply.ts';
import type { CommandSpec } from '../protocol/commands.ts';
import type { ProtocolVersion } from '../protocol/resp-writer.ts';
import type { Backups } from './backups.ts';
import type { Deferred } from './deferred.ts';
import type { Address } from './network.ts';
import type { NodeView } from './status.ts';

/** Behind every entry: the index of a command that another node has appended. */
export const ELSEWHERE: Index = index(Number.MAX_SAFE_INTEGER);

/** A client's connection as the commands see it that concern connections. */
export interface Connection {
  /** Counted from 1 at every start of the node. */
  readonly id: number;
  readonly remote: Address;
  /** What the client has said of itself. */
  readonly profile: ClientProfile;
  /** Of the replies from the next one on. */
  protocol: ProtocolVersion;
  /** Set by CLIENT CAPA redirect: it understands -REDIRECT. */
  understandsRedirect: boolean;
  readonly connectedMs: number;
  /** When it last sent something. */
  readonly activeMs: number;
  readonly lastCommand: CommandSpec | null;
  readonly commands: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  /** Received and not yet a command; written and not yet taken by the network. */
  readonly unparsedBytes: number;
  readonly unsentBytes: number;
  readonly isBlocked: boolean;
  /** The entry of its last command that was appended here; 0 when there is none, ELSEWHERE when it
   *  was forwarded. */
  readonly lastIndex: Index;
  /** Reads no more commands, answers the ones that were read, and then ends the stream. */
  finish(): void;
  /** Ends the stream at once. */
  shed(): void;
}

/** What a client says about itself, for the eyes of CLIENT LIST. */
export interface ClientProfile {
  name: string;
  libraryName: string;
  libraryVersion: string;
  noEvict: boolean;
  noTouch: boolean;
  readonly: boolean;
}

export const newProfile = (): ClientProfile => ({
  name: '',
  libraryName: '',
  libraryVersion: '',
  noEvict: false,
  noTouch: false,
  readonly: false,
});

/** What a node's clients have cost it since its start. */
export interface ClientStats {
  accepted: number;
  refused: number;
  /** Of connections that are closed; the others count their own. */
  commandsOfGone: number;
  inputBytes: number;
  outputBytes: number;
}

/** The node as the commands see it that are not replicated. */
export interface ConnectionService {
  readonly limits: Limits;
  readonly view: NodeView;
  readonly stats: ClientStats;
  /** The snapshots that connections read. */
  readonly backups: Backups<Connection>;
  /** In the order in which they came; may change while it is gone through. */
  readonly connections: Iterable<Connection>;
  /** Where clients connect to. */
  readonly address: Address;
  now(): number;
}

/** Answers a command that is not replicated. The arity has been checked. */
export type ConnectionHandler = (
  connection: Connection,
  service: ConnectionService,
  args: readonly Uint8Array[],
) => Reply | Deferred;
