import { encodeConfiguration, type Member } from '../raft/configuration.ts';
import { Raft } from '../raft/raft.ts';
import type { Trace } from '../raft/trace.ts';
import type { Storage } from '../storage/storage.ts';
import { isKnown } from './identity.ts';
import type { ReplicaOptions } from './options.ts';

/** The core of a node that may vote: it goes on from what is durable, and from nothing else (§5.2). */
export function recoveredRaft(
  options: ReplicaOptions,
  self: Member,
  { recovered, state }: Storage,
  trace: Trace,
): Raft {
  return new Raft({
    id: self.id,
    voters: options.members.map((member) => member.id),
    hardState: {
      currentTerm: state.currentTerm,
      votedFor: state.votedFor,
      suspect: state.suspect,
    },
    incarnation: state.incarnation,
    log: {
      base: recovered.base,
      lastIndex: recovered.lastIndex,
      termRuns: recovered.termRuns,
    },
    snapshot: recovered.snapshot,
    commitIndex: recovered.commitIndex,
    firstConfiguration: encodeConfiguration({
      // Members that have lost all of their log still know the cluster that they are in.
      clusterId: isKnown(state.clusterId) ? state.clusterId : options.freshClusterId,
      members: options.members,
    }),
    timing: options.raftTiming,
    limits: options.limits,
    random: options.random.fork(),
    trace,
    nowMs: options.clock.now(),
  });
}
