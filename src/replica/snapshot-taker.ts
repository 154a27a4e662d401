import type { Index, Term } from '../base/ids.ts';
import type { Limits } from '../base/limits.ts';
import type { Prng } from '../base/prng.ts';
import type { SnapshotInfo } from '../base/snapshot.ts';
import type { StateMachine } from '../kv/state-machine.ts';
import type { StateSnapshot } from '../kv/state-snapshot.ts';
import type { DiskError } from '../storage/disk.ts';
import type { SnapshotWriter } from '../storage/snapshot-writer.ts';
import type { Storage } from '../storage/storage.ts';

/** Handed to the disk and not there yet: above it, the walk through the state waits. */
const PENDING_BYTES_MAX = 1024 * 1024;
/** Nodes that apply the same log would all be due at once: each waits for up to so much more. */
const SPREAD = 0.25;
/** After a disk had no room. */
const RETRY_MS = 5000;

/** Where a taker finds what it writes down, and whom it tells. */
export interface SnapshotTakerHost {
  termAt(index: Index): Term;
  /** Entries up to here are durable on this node. */
  readonly stableIndex: Index;
  /** The next thing that happens is that it gets its name, and older ones go. */
  finishing(): void;
  /** @param begunMs when it was begun, by the clock of `run`. */
  taken(info: SnapshotInfo, begunMs: number): void;
  /** The disk has no room for it; the log goes on as it can. */
  postponed(error: DiskError): void;
  askForTurn(): void;
}

interface Taking {
  readonly index: Index;
  readonly state: StateSnapshot;
  readonly writer: SnapshotWriter;
  readonly begunMs: number;
  phase: 'walking' | 'waiting' | 'finishing';
}

/**
 * Writes this node's state down whenever its log has grown by as much again (§7: "each server takes
 * snapshots independently, covering just the committed entries in its log"): point-in-time, a slice
 * a turn, so that nobody waits for it.
 *
 * What was applied may not be durable here yet, for a majority of others commits without this node.
 * So a snapshot gets its name only once this log reaches as far: from then on, a sound log that ends
 * before its snapshot is one that an interrupted install has left behind.
 */
export class SnapshotTaker {
  /** The configuration in force, encoded; null until it is known. */
  configuration: Uint8Array | null = null;
  private readonly machine: StateMachine;
  private readonly storage: Storage;
  private readonly limits: Limits;
  private readonly random: Prng;
  private readonly host: SnapshotTakerHost;
  private taking: Taking | null = null;
  private dueBytes = 0;
  private notBeforeMs = 0;
  /** Somebody wants one that reaches so far, whether it is due or not; 0: nobody. */
  private wantedIndex = 0;

  constructor(
    machine: StateMachine,
    storage: Storage,
    limits: Limits,
    random: Prng,
    host: SnapshotTakerHost,
  ) {
    this.machine = machine;
    this.storage = storage;
    this.limits = limits;
    this.random = random;
    this.host = host;
    this.drawDueBytes();
  }

  get isTaking(): boolean {
    return this.taking !== null;
  }

  /** When `run` has something to do that no other event asks for. */
  get nextDeadlineMs(): number {
    const waits = this.taking === null && this.configuration !== null && this.isWanted;
    return waits ? this.notBeforeMs : Number.POSITIVE_INFINITY;
  }

  /** One that covers everything up to `index` is wanted, also if none is due. */
  want(index: Index): void {
    if (index > this.wantedIndex) this.wantedIndex = index;
    this.host.askForTurn();
  }

  /** A turn's part of the work. */
  run(nowMs: number): void {
    if (this.taking === null && nowMs >= this.notBeforeMs && this.isDue) this.begin(nowMs);
    const { taking } = this;
    if (taking?.phase === 'walking') this.walk(taking);
    if (taking?.phase === 'waiting' && this.host.stableIndex >= taking.index) this.finish(taking);
  }

  /** The state that is being written down is not this node's any more, or nothing goes on. */
  abandon(): void {
    const { taking } = this;
    this.taking = null;
    taking?.state.end();
    taking?.writer.abort();
  }

  private get isDue(): boolean {
    const { machine, storage, configuration } = this;
    const index = storage.snapshots.newest?.index ?? 0;
    if (configuration === null || machine.lastApplied <= index) return false;
    return this.isWanted || this.appliedBytesBehind(index as Index) >= this.dueBytes;
  }

  /** How much of the log a snapshot would cover that the one at `index` does not. What has not been
   *  applied yet is none of it: or a start would begin one as soon as it replays its log. */
  private appliedBytesBehind(index: Index): number {
    const { machine, storage } = this;
    const bytes = storage.logBytesBehind(index);
    return bytes < this.dueBytes ? bytes : bytes - storage.logBytesBehind(machine.lastApplied);
  }

  private get isWanted(): boolean {
    const { lastApplied } = this.machine;
    const index = this.storage.snapshots.newest?.index ?? 0;
    return this.wantedIndex > index && lastApplied >= this.wantedIndex;
  }

  private begin(nowMs: number): void {
    const { machine, storage, random } = this;
    const index = machine.lastApplied;
    const id = random.u32() * 2 ** 21 + (random.u32() >>> 11);
    const meta = { index, term: this.host.termAt(index), id, configuration: this.configuration! };
    const writer = storage.snapshots.begin(meta);
    const state = machine.beginSnapshot();
    const taking: Taking = { index, state, writer, begunMs: nowMs, phase: 'walking' };
    writer.onDrain = () => this.host.askForTurn();
    writer.onNoRoom = (error) => {
      if (this.taking !== taking) return;
      taking.state.end();
      this.taking = null;
      this.notBeforeMs = nowMs + RETRY_MS;
      this.host.postponed(error);
    };
    this.taking = taking;
  }

  private walk(taking: Taking): void {
    const { state, writer } = taking;
    if (writer.pendingBytes >= PENDING_BYTES_MAX) return;
    const bytes = state.next(this.limits.snapshotSliceBytes);
    if (bytes === null) {
      state.end();
      taking.phase = 'waiting';
      return;
    }
    // Where much has changed since, a look at many keys may find nothing.
    if (bytes.length > 0) writer.write(bytes);
    if (writer.pendingBytes < PENDING_BYTES_MAX) this.host.askForTurn();
  }

  private finish(taking: Taking): void {
    taking.phase = 'finishing';
    this.host.finishing();
    taking.writer.finish((info) => {
      if (this.taking !== taking) return;
      this.taking = null;
      this.drawDueBytes();
      this.host.taken(info, taking.begunMs);
    });
  }

  private drawDueBytes(): void {
    const { snapshotLogBytesMin, snapshotLogFactor } = this.limits;
    const lastBytes = this.storage.snapshots.newest?.bytes ?? 0;
    const bytes = Math.max(snapshotLogBytesMin, snapshotLogFactor * lastBytes);
    this.dueBytes = bytes * (1 + SPREAD * this.random.float());
  }
}
