import { setTimeout as sleep } from 'node:timers/promises';
import { byteString } from '../../base/bytes.ts';
import { parseAddress } from '../../client/address.ts';
import type { Client } from '../../client/client.ts';
import type { StateItemReader } from '../../kv/state-item-reader.ts';
import type { RespValue } from '../../protocol/resp-reader.ts';
import { CliError, ExitCode } from '../exit.ts';
import { ASK_MS, askAll, askStatus, type MemberStatus } from '../node-status.ts';
import { NodeGone, NodeSession } from './node-session.ts';
import { acknowledgedPoint, chooseNode } from './point.ts';
import { DamagedSnapshot, SnapshotStream, type WholeSnapshot } from './snapshot-stream.ts';

/** For a node to write its state down, as long as it answers meanwhile. */
const BEGIN_MS = 600_000;
/** How often it is asked whether it is there, and how often in a row it may be silent. */
const LOOK_MS = 500;
const SILENT_LOOKS_MAX = 3;
/** For one piece. */
const READ_MS = 10_000;
/** How often all nodes are tried. */
const ROUNDS_MAX = 3;
const PAUSE_MS = 500;

/** Where a backup goes. What it throws ends the backup. */
export interface BackupSink {
  /** Bytes of the file, in order, verified. Not to be kept. */
  bytes(verified: Uint8Array): void;
  /** An item, which stands in the fields of the reader; before the bytes that hold it. */
  item?(item: StateItemReader): void;
  /** What has come so far counts for nothing: it all comes again, from another node. */
  restart(): void;
}

export interface FetchOptions {
  readonly client: Client;
  readonly seeds: readonly string[];
  /** For everything but the snapshot itself. */
  readonly timeoutMs: number;
  /** The name of the node to read from; null: a follower. */
  readonly node: string | null;
  readonly sink: BackupSink;
  readonly events: FetchEvents;
}

export interface FetchEvents {
  begun(node: string): void;
  /** @param bytes of `bytesAll`. */
  progress(bytes: number, bytesAll: number): void;
  /** It goes on with another node, from the start. */
  failed(node: string, why: string): void;
}

export interface FetchedBackup extends WholeSnapshot {
  readonly node: string;
}

interface Announced {
  readonly index: number;
  readonly term: number;
  readonly id: number;
  readonly bytes: number;
}

/** Why a node can't give the backup; another one may. */
class NodeFailed extends Error {}

/**
 * Reads a snapshot of the cluster's state that holds everything acknowledged before, from one node;
 * when that goes away, from the start from another. It never goes on with another node's bytes: they
 * are another file, whose id is another.
 */
export class BackupFetcher {
  private readonly options: FetchOptions;
  private session: NodeSession | null = null;
  private isStopped = false;

  constructor(options: FetchOptions) {
    this.options = options;
  }

  /** Ends `run` soon, by an error. */
  stop(): void {
    this.isStopped = true;
    this.session?.close();
  }

  /** @throws CliError, and what the sink throws. */
  async run(): Promise<FetchedBackup> {
    const { client, seeds, timeoutMs, events, sink } = this.options;
    const point = await acknowledgedPoint(client, seeds, timeoutMs);
    const failed = new Set<string>();
    let why = '';
    for (let round = 1; ; ) {
      this.checkStopped();
      const node = await this.choose(failed);
      if (node === null && round >= ROUNDS_MAX) throw this.noNode(why);
      if (node === null) {
        round++;
        failed.clear();
        await sleep(PAUSE_MS);
        continue;
      }
      const name = node.name ?? node.address;
      events.begun(name);
      try {
        return { node: name, ...(await this.fetchFrom(node, point)) };
      } catch (error) {
        this.checkStopped();
        if (!isNodesFault(error)) throw error;
        why = `${name}: ${error.message}`;
        events.failed(name, error.message);
        failed.add(node.address);
        sink.restart();
      }
    }
  }

  private async choose(failed: ReadonlySet<string>): Promise<MemberStatus | null> {
    const { client, seeds, node, timeoutMs } = this.options;
    const reports = await askAll(client, seeds, Math.min(ASK_MS, timeoutMs));
    return chooseNode(
      reports.map(({ status }) => status),
      node,
      failed,
    );
  }

  private async fetchFrom(node: MemberStatus, point: number): Promise<WholeSnapshot> {
    const { sink, events } = this.options;
    const session = new NodeSession(parseAddress(node.address)!);
    this.session = session;
    try {
      const announced = await this.begin(session, node.address, point);
      const stream = new SnapshotStream({ onItem: (item) => sink.item?.(item) });
      while (!stream.isWhole) {
        this.checkStopped();
        const read = ['BACKUP', 'READ', `${announced.id}`, `${stream.offset}`];
        const bytes = piecesIn(await session.ask(read, READ_MS));
        if (stream.take(bytes) !== bytes.length) throw new NodeFailed('it sent half a piece');
        sink.bytes(bytes);
        events.progress(stream.offset, announced.bytes);
      }
      const whole = stream.end();
      const { index, term, id, bytes } = whole.snapshot;
      const isIt =
        index === announced.index &&
        term === announced.term &&
        id === announced.id &&
        bytes === announced.bytes;
      if (!isIt || index < point) throw new NodeFailed('it sent another snapshot');
      return whole;
    } finally {
      this.session = null;
      session.close();
    }
  }

  /** To write a large state down takes its time, and a node that stands still takes it too: so the
   *  node is asked for its status meanwhile, on another connection. */
  private async begin(session: NodeSession, address: string, point: number): Promise<Announced> {
    let silentLooks = 0;
    const look = async () => {
      const reply = await askStatus(this.options.client, address, LOOK_MS);
      silentLooks = reply === null ? silentLooks + 1 : 0;
      if (silentLooks >= SILENT_LOOKS_MAX) session.close('it does not answer');
    };
    const timer = setInterval(() => void look(), LOOK_MS);
    try {
      return announcedIn(await session.ask(['BACKUP', 'BEGIN', 'AFTER', `${point}`], BEGIN_MS));
    } finally {
      clearInterval(timer);
    }
  }

  private checkStopped(): void {
    if (this.isStopped) throw new CliError(ExitCode.Other, 'interrupted: nothing was made');
  }

  private noNode(why: string): CliError {
    const { node } = this.options;
    const who = node === null ? 'no node' : `${node} does not answer, or`;
    const what = node === null ? 'could give it' : 'could not give it';
    const reason = why === '' ? '' : ` (${why})`;
    return new CliError(
      ExitCode.Unavailable,
      `unavailable: ${who} ${what}${reason}`,
      'dkvs status says who is there',
    );
  }
}

function isNodesFault(error: unknown): error is Error {
  return (
    error instanceof NodeFailed || error instanceof NodeGone || error instanceof DamagedSnapshot
  );
}

/** @throws NodeFailed */
function announcedIn(reply: RespValue): Announced {
  if (reply.kind === 'error') throw new NodeFailed(reply.text);
  const items = reply.kind === 'array' ? reply.items : [];
  const fields = new Map<string, number>();
  for (let i = 0; i + 1 < items.length; i += 2) {
    const [name, value] = [items[i]!, items[i + 1]!];
    if (name.kind !== 'bulk' || value.kind !== 'integer') continue;
    fields.set(byteString(name.bytes), Number(value.value));
  }
  const field = (name: string): number => {
    const value = fields.get(name);
    if (value === undefined) throw new NodeFailed(`BACKUP BEGIN says no ${name}`);
    return value;
  };
  return { index: field('index'), term: field('term'), id: field('id'), bytes: field('bytes') };
}

/** @throws NodeFailed */
function piecesIn(reply: RespValue): Uint8Array {
  if (reply.kind === 'error') throw new NodeFailed(reply.text);
  if (reply.kind !== 'bulk' || reply.bytes.length === 0) throw new NodeFailed('it sent no piece');
  return reply.bytes;
}
