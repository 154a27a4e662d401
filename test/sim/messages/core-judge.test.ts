import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { incarnation, index, nodeId, term } from '../../../src/base/ids.ts';
import type { TraceEvent } from '../../../src/raft/trace.ts';
import { CoreJudge } from '../../../src/sim/messages/core-judge.ts';
import { Violation } from '../../../src/sim/observer.ts';
import { entryOf, Harness } from '../../raft/harness.ts';
import { acknowledgement, preVote, requestVote, requestVoteResponse } from '../../raft/say.ts';

/** Three cores, of which n1 leads term 1 and has committed 1 and 2; the judge has seen it all. */
function led(): { readonly harness: Harness; readonly judge: CoreJudge } {
  const harness = new Harness();
  const judge = judgeOf(harness);
  for (const { id } of harness.nodes) harness.start(id);
  harness.elect(1);
  harness.propose(1, 'an entry');
  harness.settle();
  assert.equal(judge.ledger.length, 2);
  return { harness, judge };
}

function judgeOf(harness: Harness): CoreJudge {
  const judge = new CoreJudge(harness);
  harness.witnesses.push(judge);
  return judge;
}

function catches(invariant: string, act: () => void, text: RegExp): void {
  assert.throws(act, (error: unknown) => {
    assert.ok(error instanceof Violation, `${error}`);
    assert.equal(error.invariant, invariant);
    assert.match(error.text, text);
    return true;
  });
}

const leads = (node: number, ofTerm: number): TraceEvent => ({
  kind: 'role',
  node: nodeId(node),
  term: term(ofTerm),
  role: 'leader',
  reason: 'a test',
});

const commits = (node: number, ofTerm: number, commitIndex: number): TraceEvent => ({
  kind: 'commit',
  node: nodeId(node),
  term: term(ofTerm),
  commitIndex: index(commitIndex),
});

describe('the judge of cores: leaders and logs', () => {
  test('S1: two lead one term', () => {
    const { harness, judge } = led();
    catches('S1', () => judge.traced(harness.node(2), leads(2, 1)), /n1 and n2 lead term 1/);
  });

  test('S5: two entries of one term at one index', () => {
    const { judge } = led();
    const other = Harness.started();
    other.elect(1);
    other.propose(1, 'something else');
    const event = { kind: 'append', from: index(2), to: index(2) } as TraceEvent;
    catches('S5', () => judge.traced(other.node(1), event), /entry 2 of term 1 of n1 differs/);
  });

  test('S6: a later leader lacks what is committed, then or when it is', () => {
    const { judge } = led();
    const other = Harness.started();
    catches('S6', () => judge.traced(other.node(2), leads(2, 2)), /n2 leads term 2, and lacks 1/);

    const { harness } = led();
    const late = new CoreJudge(harness);
    const later = Harness.withLogs([[2], [], []]);
    later.elect(1);
    harness.node(3).raft = later.raft(1);
    const event = commits(1, 1, 2);
    catches('S6', () => late.traced(harness.node(1), event), /n3 leads term 3, and lacks 1/);
  });

  test('S7: another entry is committed', () => {
    const { judge } = led();
    const other = Harness.withLogs([[1, 2], [], []]);
    catches('S7', () => judge.traced(other.node(1), commits(1, 2, 2)), /n1 commits another .* 2/);
  });

  test('S19: a log that would win lacks what is committed', () => {
    const { harness, judge } = led();
    harness.node(2).raft = Harness.withLogs([[9], [], []]).raft(1);
    catches('S19', () => judge.stepped(harness.node(3)), /would win against n3, and lacks 1/);
  });

  test('S19 is silent where Figure 8 allows it: known to be committed, and yet to lose', () => {
    const logs = [[1, 2], [1, 2], [1], [1], [1, 3]];
    const harness = Harness.withLogs(logs, { limits: { appendEntriesBytesMax: 1 } });
    judgeOf(harness);
    harness.isolate(5);
    harness.cut(1, 4);
    harness.elect(1);
    assert.equal(harness.raft(1).commitIndex, 3);
    harness.heal();
    harness.isolate(5);
    // Node 4 gets one entry at a time, read back from the leader's disk, with its commit index.
    const isWaiting = () => harness.raft(4).commitIndex < 2;
    while (isWaiting()) {
      if (harness.messages.length === 0) harness.timeout(1);
      while (harness.messages.length > 0 && isWaiting()) {
        harness.deliverAt(0);
        for (const { id } of harness.nodes) harness.persist(id);
        harness.answerRead(1);
      }
    }
    assert.deepEqual(harness.terms(4), [1, 2]);
    assert.deepEqual(harness.terms(5), [1, 3], 'it would win against node 4');
    harness.run(2000);
    assert.deepEqual(harness.terms(4), [1, 2, 4]);
  });
});

describe('the judge of cores: what is durable', () => {
  test('S12: committed before a majority has it on disk', () => {
    const { harness, judge } = led();
    harness.propose(1, 'in memory');
    catches('S12', () => judge.traced(harness.node(1), commits(1, 1, 3)), /3 .* 0 durable/);
  });

  test('S13: what was committed is left on one disk', () => {
    const { harness, judge } = led();
    harness.node(2).image.entries.pop();
    judge.durable();
    harness.node(3).image.entries.pop();
    catches('S13', () => judge.durable(), /2 is left on 1 disks/);
  });

  test('S15: an acknowledgement for another entry', () => {
    const { harness, judge } = led();
    const { image } = harness.node(2);
    image.entries[1] = entryOf(2, 7);
    const message = acknowledgement(2, 1, 1, 2);
    catches('S15', () => judge.sent(harness.node(2), message), /n2 acknowledges 2, and has ano/);
  });

  test('S15: a leader that believes what a follower has lost, once it knows of its next life', () => {
    const { harness, judge } = led();
    const [leader, follower] = [harness.node(1), harness.node(2)];
    judge.stepped(leader);
    follower.image.hardState = { ...follower.image.hardState, suspect: true };
    follower.image.entries.length = 1;
    follower.incarnation = incarnation(follower.incarnation + 1);
    judge.stepped(leader);
    leader.up.state.peer(follower.id)!.incarnation = follower.incarnation;
    catches('S15', () => judge.stepped(leader), /n1 takes n2 to have 2, and it has 1/);
  });

  test('D1: an acknowledgement, or a vote, before it is durable', () => {
    const { harness, judge } = led();
    const node = harness.node(2);
    catches('D1', () => judge.sent(node, acknowledgement(2, 1, 1, 3)), /n2 acknowledges 3/);
    node.image.hardState = { ...node.image.hardState, votedFor: nodeId(0) };
    const vote = requestVoteResponse(2, 1, 1, true);
    catches('D1', () => judge.sent(node, vote), /votes for n1 before that is durable/);
  });

  test('S2: two votes in one term', () => {
    const { harness, judge } = led();
    const vote = requestVoteResponse(2, 3, 1, true);
    catches('S2', () => judge.sent(harness.node(2), vote), /n2 in term 1 votes for n1 and n3/);
  });

  test('S3: a message of a term that is not durable; a pre-vote has one that nobody has', () => {
    const { harness, judge } = led();
    judge.sent(harness.node(2), preVote(2, 1, 2, [2, 1]));
    const message = requestVote(2, 1, 2, [2, 1]);
    catches('S3', () => judge.sent(harness.node(2), message), /RequestVote of term 2/);
  });

  test('D2: a start that has forgotten a term, or a vote', () => {
    const { harness, judge } = led();
    const node = harness.node(2);
    node.image.hardState = { ...node.image.hardState, votedFor: nodeId(3) };
    catches('D2', () => judge.started(node), /n2 has forgotten its vote for n1/);
    node.image.hardState = { ...node.image.hardState, currentTerm: term(0) };
    catches('D2', () => judge.started(node), /n2 has forgotten term 1/);
  });

  test('D3: a suspect acknowledges like anybody', () => {
    const { harness, judge } = led();
    harness.crash(2);
    harness.rot(2, 0);
    const node = harness.node(2);
    node.incarnation = incarnation(2);
    const message = acknowledgement(2, 1, 1, 0, 2);
    catches('D3', () => judge.sent(node, message), /n2, a suspect, sends AppendEntriesResponse/);
  });
});

describe('the judge of cores: snapshots', () => {
  /** Node 1 has a snapshot of 2, its log begins behind it. */
  function compacted() {
    const { harness, judge } = led();
    harness.snapshots.apply(1);
    harness.snapshots.write(1, 50);
    harness.snapshots.publish(1);
    harness.snapshots.compact(1, true);
    return { harness, judge, snapshot: harness.node(1).image.snapshots[0]! };
  }

  test('S21: of another term, of what is not committed, and of another state', () => {
    const { harness, judge, snapshot } = compacted();
    const node = harness.node(1);
    judge.snapshotTaken(node, snapshot);
    const other = { ...snapshot, term: term(7) };
    catches('S21', () => judge.snapshotTaken(node, other), /n1 takes a snapshot of 2, term 7/);
    const later = { ...snapshot, index: index(9) };
    catches('S21', () => judge.snapshotTaken(node, later), /n1 takes a snapshot of 9/);
    const earlier = { ...snapshot, index: index(1) };
    catches('S21', () => judge.snapshotTaken(node, earlier), /state of 1 that is none/);
    node.machine.hash ^= 1;
    catches('S21', () => judge.applied(node), /state of 2 that is none of the ledger/);
  });

  test('S13: what lies behind a base counts as held, in its snapshot', () => {
    const { harness, judge } = compacted();
    harness.node(2).image.entries.pop();
    judge.durable();
    harness.node(3).image.entries.pop();
    catches('S13', () => judge.durable(), /2 is left on 1 disks/);
  });

  test('D4: a piece that is not in the snapshot that it names', () => {
    const { harness, judge, snapshot } = compacted();
    const { bytes } = harness.snapshots.fileOf(snapshot);
    const head = { from: nodeId(1), to: nodeId(3), term: term(1) } as const;
    const piece = { kind: 'InstallSnapshot', ...head, snapshot, offset: 10 } as const;
    judge.sent(harness.node(1), { ...piece, bytes: bytes.slice(10, 20) });
    const wrong = { ...piece, bytes: bytes.slice(11, 21) };
    catches('D4', () => judge.sent(harness.node(1), wrong), /what is not in snapshot 1/);
  });
});

test('an assertion of a core that names an invariant is a violation of it', () => {
  const { harness } = led();
  const { state } = harness.raft(3);
  const tamper = () => {
    state.commitIndex = index(9);
  };
  catches('S10', () => harness.act(3, tamper), /S10: applied <= commit <= last/);
});
