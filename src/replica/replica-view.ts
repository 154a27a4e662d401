import { hex } from '../base/bytes.ts';
import { INDEX_ZERO, type Index, indexPlus, NOBODY, type Term } from '../base/ids.ts';
import type { SnapshotInfo } from '../base/snapshot.ts';
import type { StateMachine } from '../kv/state-machine.ts';
import type { Member } from '../raft/configuration.ts';
import type { Raft } from '../raft/raft.ts';
import type { Role } from '../raft/trace.ts';
import type { Storage } from '../storage/storage.ts';
import type { StorageStats } from '../storage/storage-stats.ts';
import type { Clock } from './clock.ts';
import type { HostFigures } from './host.ts';
import type { ElectionCounts, FollowerView, NodeView, Phase } from './status.ts';

/** What a view looks at. */
export interface ReplicaParts {
  readonly self: Member;
  readonly members: readonly Member[];
  readonly storage: Storage;
  readonly machine: StateMachine;
  readonly clock: Clock;
  readonly elections: ElectionCounts;
  readonly host: HostFigures | null;
  readonly clientCount: () => number;
  readonly isTakingSnapshot: () => boolean;
}

/** What one replica knows of itself and of the cluster, read where it is known. */
export class ReplicaView implements NodeView {
  readonly self: Member;
  readonly members: readonly Member[];
  /** Null while joining: a node that may not vote has no core to do it. Set by the replica. */
  raft: Raft | null = null;
  phase: Phase = 'joining';
  private readonly parts: ReplicaParts;
  private readonly startedMs: number;

  constructor(parts: ReplicaParts) {
    this.startedMs = parts.clock.now();
    this.self = parts.self;
    this.members = parts.members;
    this.parts = parts;
  }

  get leader(): Member | null {
    const leaderId = this.raft?.leaderId ?? NOBODY;
    return leaderId === NOBODY ? null : (this.members[leaderId - 1] ?? null);
  }

  get role(): Role {
    return this.raft?.role ?? 'follower';
  }

  get term(): Term {
    return this.raft?.currentTerm ?? this.parts.storage.state.currentTerm;
  }

  get commitIndex(): Index {
    return this.raft?.commitIndex ?? INDEX_ZERO;
  }

  get lastApplied(): Index {
    return this.parts.machine.lastApplied;
  }

  get lastIndex(): Index {
    return this.raft?.lastIndex ?? this.parts.storage.recovered.lastIndex;
  }

  get firstIndex(): Index {
    return indexPlus(this.parts.storage.base.index, 1);
  }

  get snapshot(): SnapshotInfo | null {
    return this.parts.storage.snapshots.newest;
  }

  get isTakingSnapshot(): boolean {
    return this.parts.isTakingSnapshot();
  }

  get clusterId(): string {
    return hex(this.parts.storage.state.clusterId);
  }

  get revision(): number {
    return this.parts.machine.revision;
  }

  get keys(): number {
    return this.parts.machine.size;
  }

  /** Equal on replicas that have applied the same. */
  get stateHash(): number {
    return this.parts.machine.hash();
  }

  get clients(): number {
    return this.parts.clientCount();
  }

  get storageSpace(): 'ok' | 'full' {
    return this.parts.storage.space;
  }

  get suspect(): boolean {
    return this.raft?.isSuspect ?? this.parts.storage.state.suspect;
  }

  get suspects(): readonly Member[] {
    return this.members.filter((member) =>
      member === this.self ? this.suspect : this.raft?.isPeerSuspect(member.id),
    );
  }

  get followers(): readonly FollowerView[] {
    const raft = this.raft;
    if (raft === null || raft.role !== 'leader') return [];
    const nowMs = this.parts.clock.now();
    return this.members
      .filter((member) => member !== this.self)
      .map((member) => {
        const progress = raft.progressOf(member.id);
        const heard = progress !== null && progress.lastHeardMs > Number.NEGATIVE_INFINITY;
        return {
          id: member.id,
          matchIndex: progress?.matchIndex ?? INDEX_ZERO,
          lastHeardMs: heard ? Math.round(nowMs - progress.lastHeardMs) : null,
          state: progress?.state ?? 'probe',
          standing: progress?.standing ?? 'unheard',
        };
      });
  }

  get isLoading(): boolean {
    return this.phase === 'joining' || this.lastApplied < this.parts.storage.recovered.commitIndex;
  }

  get uptimeMs(): number {
    return this.parts.clock.now() - this.startedMs;
  }

  get wallMs(): number {
    return this.parts.clock.wallMs();
  }

  get elections(): ElectionCounts {
    return this.parts.elections;
  }

  get storageStats(): Readonly<StorageStats> {
    return this.parts.storage.stats;
  }

  get host(): HostFigures | null {
    return this.parts.host;
  }

  othersHolding(index: Index): number {
    const raft = this.raft;
    if (raft === null || raft.role !== 'leader') return 0;
    let holders = 0;
    for (const { id } of this.members) {
      const progress = raft.progressOf(id);
      if (progress !== null && progress.matchIndex >= index) holders++;
    }
    return holders;
  }

  keysFrom(start: string): Iterable<string> {
    return this.parts.machine.keysFrom(start);
  }
}
