import assert from 'node:assert/strict';
import { test } from 'node:test';
import { index, nodeId, term } from '../../src/base/ids.ts';
import type { SnapshotInfo } from '../../src/base/snapshot.ts';
import {
  checkState,
  checkTransition,
  checkWindow,
  type Observation,
  observe,
} from '../../src/raft/invariants.ts';
import {
  becomeCandidate,
  becomeFollower,
  becomeLeader,
  becomePreCandidate,
} from '../../src/raft/roles.ts';
import type { RaftState } from '../../src/raft/state.ts';
import { entryOf, Harness } from './harness.ts';

// A check that cannot fail checks nothing: each is shown a node that was tampered with.

function leaderState(): RaftState {
  const harness = Harness.started();
  harness.elect(1);
  harness.propose(1, 'x');
  harness.settle();
  return harness.raft(1).state;
}

function snapshotOf(at: number): SnapshotInfo {
  return { index: index(at), term: term(1), id: 1, bytes: 1 };
}

function suspectOnDisk(state: RaftState): void {
  const { durability } = state;
  durability.durable = { ...durability.durable, suspect: true };
}

const tampered: [what: RegExp, tamper: (state: RaftState) => void][] = [
  [/S10/, (state) => (state.commitIndex = index(9))],
  [/S10/, (state) => (state.appliedIndex = index(9))],
  [
    /S18/,
    (state) => (state.hardState = { currentTerm: term(0), votedFor: nodeId(1), suspect: false }),
  ],
  [/stableIndex/, (state) => (state.durability.stableIndex = index(9))],
  [
    /S3/,
    (state) =>
      (state.durability.durable = { currentTerm: term(7), votedFor: nodeId(1), suspect: false }),
  ],
  [/D3: a suspect follows/, (state) => suspectOnDisk(state)],
  [/D3: what is durable/, (state) => (state.hardState = { ...state.hardState, suspect: true })],
  [/D3: it is known when/, (state) => (state.peers[0]!.standing = 'suspect')],
  [/S10: base/, (state) => (state.snapshot = snapshotOf(9))],
  [/L7/, (state) => (state.peers[0]!.state = 'snapshot')],
  [/is in memory/, (state) => state.log.evict(index(2), 0)],
  [/follows itself/, (state) => (state.leaderId = nodeId(2))],
  [
    /S2/,
    (state) => (state.hardState = { currentTerm: term(1), votedFor: nodeId(2), suspect: false }),
  ],
  [/S1/, (state) => (state.leaderOfTerm = nodeId(2))],
  [
    /S3/,
    (state) =>
      (state.durability.durable = { currentTerm: term(0), votedFor: nodeId(0), suspect: false }),
  ],
  [/S16/, (state) => (state.peers[0]!.matchIndex = index(3))],
  [/lastIndex \+ 1/, (state) => (state.peers[0]!.nextIndex = index(4))],
  [
    /no pipeline/,
    (state) => {
      state.peers[0]!.inflights.add(index(2), 1);
      state.peers[0]!.state = 'probe';
    },
  ],
];

test('checkState sees each of its conditions broken', () => {
  checkState(leaderState());
  for (const [what, tamper] of tampered) {
    const state = leaderState();
    tamper(state);
    assert.throws(() => checkState(state), what, `${tamper}`);
  }
});

test('S18: checkWindow sees an entry that stands where it should not', () => {
  const state = leaderState();
  checkWindow(state);
  Object.assign(state.log.entryAt(index(2)), { term: term(9) });
  assert.throws(() => checkWindow(state), /S18/);
});

test('S18: the log refuses a gap, and a term that decreases', () => {
  const { log } = leaderState();
  assert.throws(() => log.append(entryOf(9, 1)), /S18/);
  assert.throws(() => log.append(entryOf(3, 0)), /S18/);
});

const forbidden: [what: RegExp, change: (before: Observation) => Partial<Observation>][] = [
  [
    /S3: term/,
    () => ({ hardState: { currentTerm: term(0), votedFor: nodeId(1), suspect: false } }),
  ],
  [/S3: the durable/, () => ({ durableTerm: term(0) })],
  [/D3: only a start/, ({ hardState }) => ({ hardState: { ...hardState, suspect: true } })],
  [/S8/, () => ({ commitIndex: index(1) })],
  [/S17/, () => ({ lastIndex: index(1) })],
  [/S21/, () => ({ snapshotIndex: index(0) })],
  [/S17/, () => ({ termRuns: [{ term: term(2), from: index(1) }] })],
  [/S2/, () => ({ hardState: { currentTerm: term(1), votedFor: nodeId(2), suspect: false } })],
  [/S1/, () => ({ leaderOfTerm: nodeId(2) })],
  [/S16/, ({ matches }) => ({ matches: matches.map((m) => ({ ...m, index: index(1) })) })],
];

test('checkTransition sees each of its conditions broken', () => {
  const before = { ...observe(leaderState()), snapshotIndex: index(1) };
  checkTransition(before, before);
  for (const [what, change] of forbidden) {
    assert.throws(() => checkTransition(before, { ...before, ...change(before) }), what);
  }
});

test('S18: a base that goes back is seen', () => {
  const before = observe(leaderState());
  const base = { index: index(2), term: term(1) };
  const compacted = { ...before, base, termRuns: [] };
  checkTransition(before, compacted);
  assert.throws(() => checkTransition(compacted, before), /S18/);
});

test('S17: a reset that removes what the snapshot agrees with is seen, and no other', () => {
  const before = { ...observe(leaderState()), commitIndex: index(0), role: 'follower' as const };
  const reset = { ...before, lastIndex: index(1), snapshotIndex: index(1), termRuns: [] };
  const toSame = { ...reset, base: { index: index(1), term: term(1) } };
  assert.throws(() => checkTransition(before, toSame), /S17: a reset/);
  checkTransition(before, { ...reset, base: { index: index(1), term: term(9) } });
});

test('S4: a leader that changes or shortens its own log is seen', () => {
  const before = { ...observe(leaderState()), commitIndex: index(0) };
  assert.throws(() => checkTransition(before, { ...before, lastIndex: index(1) }), /S4/);
});

test('S11: a leader that commits an entry of an earlier term by counting is seen', () => {
  const before = {
    ...observe(leaderState()),
    hardState: { currentTerm: term(4), votedFor: nodeId(1), suspect: false },
    commitIndex: index(0),
  };
  assert.throws(() => checkTransition(before, { ...before, commitIndex: index(2) }), /S11/);
});

test('Figure 4: only the edges of the table are legal', () => {
  const fresh = () => Harness.started().raft(1).state;
  const become = {
    follower: (state: RaftState) => becomeFollower(state, 0, state.currentTerm, 'test'),
    precandidate: (state: RaftState) => becomePreCandidate(state, 0, 'test'),
    candidate: (state: RaftState) => becomeCandidate(state, 0, 'test'),
    leader: (state: RaftState) => becomeLeader(state, 0),
  };
  const illegal: ((state: RaftState) => void)[] = [
    (state) => {
      become.candidate(state);
      become.candidate(state);
    },
    (state) => {
      state.durability.durable = state.hardState = {
        currentTerm: state.currentTerm,
        votedFor: state.id,
        suspect: false,
      };
      become.leader(state);
    },
  ];
  for (const path of illegal) assert.throws(() => path(fresh()), /illegal edge/);
  for (const role of ['precandidate', 'candidate'] as const) {
    assert.throws(() => become[role](leaderState()), /illegal edge/);
  }
  assert.throws(() => become.leader(fresh()), /before its own vote was durable/);
});
