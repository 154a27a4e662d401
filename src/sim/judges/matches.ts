import type { RaftState } from '../../raft/state.ts';
import { Observer, type SimNode, Violation } from '../observer.ts';
import type { Chronicle } from './chronicle.ts';

/** What a leader last knew of one follower. */
interface Known {
  term: number;
  run: number;
  incarnation: number;
  matchIndex: number;
}

/**
 * S15: what a leader takes for matched is durable on the follower, and equal to its own. S16:
 * within a term, and a life of the follower, matchIndex never decreases, and nextIndex is beyond
 * it.
 *
 * An acknowledgement may be late. When the follower has gone to a later term meanwhile, it may have
 * been told to cut what it acknowledged; the old leader can't commit with it any more (S12
 * watches), so S15 is judged while both are in the same term.
 */
export class MatchJudge extends Observer {
  private readonly chronicle: Chronicle;
  /** By the leader's id and the follower's. */
  private readonly known = new Map<number, Known>();

  constructor(chronicle: Chronicle) {
    super();
    this.chronicle = chronicle;
  }

  override stepped(node: SimNode): void {
    const state = node.raftState;
    if (state === null || state.role !== 'leader') return;
    for (const { peer, matchIndex, nextIndex, incarnation } of state.peers) {
      const known = this.knownOf(node.id * 16 + peer);
      const isSameLife =
        known.term === state.currentTerm &&
        known.run === node.run &&
        known.incarnation === incarnation;
      if (nextIndex <= matchIndex || (isSameLife && matchIndex < known.matchIndex)) {
        throw new Violation(
          'S16',
          `${node.name}, the leader of term ${state.currentTerm}, has matchIndex ${matchIndex} ` +
            `(${known.matchIndex} before) and nextIndex ${nextIndex} for node ${peer}`,
        );
      }
      if (isSameLife && matchIndex === known.matchIndex) continue;
      known.term = state.currentTerm;
      known.run = node.run;
      known.incarnation = incarnation;
      known.matchIndex = matchIndex;
      this.judgeMatch(node, state, peer, matchIndex);
    }
  }

  private judgeMatch(node: SimNode, state: RaftState, peer: number, matchIndex: number): void {
    const follower = this.chronicle.records[peer - 1]!;
    const [first, second] = follower.image.hardStates;
    const isInTerm = first?.term === state.currentTerm && second?.term === state.currentTerm;
    const { damage, raftState } = follower.node;
    if (!isInTerm || this.chronicle.hasHole(follower.node) || damage.lost) return;
    // What a suspect acknowledged before its loss: the leader has not heard of this life yet.
    const known = state.peer(follower.node.id)!.incarnation;
    if (damage.log && known !== raftState?.incarnation) return;
    if (follower.image.log.sharesPrefix(this.chronicle.of(node).log, matchIndex)) return;
    throw new Violation(
      'S15',
      `${node.name}, the leader of term ${state.currentTerm}, takes ${follower.node.name} to ` +
        `have its log up to ${matchIndex}, but a loss of power there would leave it up to ` +
        `${follower.image.log.lastIndex} of term ${follower.image.log.lastTerm}`,
    );
  }

  private knownOf(key: number): Known {
    let known = this.known.get(key);
    if (known === undefined) {
      known = { term: 0, run: 0, incarnation: 0, matchIndex: 0 };
      this.known.set(key, known);
    }
    return known;
  }
}
