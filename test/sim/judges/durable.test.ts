import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { index, nodeId, term } from '../../../src/base/ids.ts';
import { CommittedDurableJudge } from '../../../src/sim/judges/committed-durable.ts';
import { DamageJudge } from '../../../src/sim/judges/damaged.ts';
import { MatchJudge } from '../../../src/sim/judges/matches.ts';
import { PromiseJudge } from '../../../src/sim/judges/promises.ts';
import { RecoveryJudge } from '../../../src/sim/judges/recovery.ts';
import { catches, Stage } from './stage.ts';

describe('D1, persist before you promise', () => {
  const promises = () => new Stage(3, (chronicle) => new PromiseJudge(chronicle));

  test('a vote and an acknowledgement, both durable; and what promises nothing', () => {
    const stage = promises();
    stage.enterTerm(2, 1, 1);
    stage.send(2, { kind: 'PreVote', term: term(2) });
    stage.saveState(2, 1, 1);
    stage.grant(2, 1);
    stage.append(2, 1);
    stage.sync(2);
    stage.acknowledge(2, 1);
  });

  test('a vote in one slot only', () => {
    const stage = promises();
    stage.enterTerm(2, 1, 1);
    stage.saveState(2, 1, 1, [1]);
    catches('D1', () => stage.grant(2, 1), /could leave term 0/);
  });

  test('a vote for somebody else', () => {
    const stage = promises();
    stage.enterTerm(2, 1, 1);
    stage.saveState(2, 1, 3);
    catches('D1', () => stage.grant(2, 1), /a vote for node 3/);
  });

  test('a campaign before the own vote is durable', () => {
    const stage = promises();
    stage.enterTerm(2, 1, 2);
    stage.saveState(2, 1, 0);
    catches('D1', () => stage.send(2, { kind: 'RequestVote' }));
  });

  test('a slot that is bad: only where the fault plan has destroyed it', () => {
    const stage = promises();
    stage.enterTerm(2, 1, 1);
    stage.saveState(2, 1, 1);
    stage.writeDurably(2, 1, 200, new Uint8Array([1]), 4096, 'damage');
    catches('D1', () => stage.grant(2, 1), /only 1 of the two slots/);
    stage.actor(2).damage.hardState = true;
    stage.grant(2, 1);
  });

  test('an entry that is not synced', () => {
    const stage = promises();
    stage.enterTerm(2, 1);
    stage.saveState(2, 1, 0);
    stage.append(2, 1);
    stage.sync(2);
    stage.append(2, 1);
    catches('D1', () => stage.acknowledge(2, 2), /up to 2 in term 1, but .* up to 1/);
  });

  test('an entry that is not the leader’s', () => {
    const stage = promises();
    stage.beginTerm();
    stage.enterTerm(3, 2);
    stage.saveState(3, 2, 3);
    stage.lead(3);
    stage.append(3, 2);
    stage.sync(3);
    stage.enterTerm(2, 2);
    stage.saveState(2, 2, 3);
    stage.append(2, 1);
    stage.sync(2);
    catches('D1', () => stage.acknowledge(2, 2), /not those of n3/);
  });
});

describe('D2, recovery keeps promises', () => {
  const recovery = () => new Stage(3, (chronicle) => new RecoveryJudge(chronicle));
  const promised = () => {
    const stage = recovery();
    stage.beginTerm();
    stage.acknowledge(2, 1);
    stage.enterTerm(2, 2, 3);
    stage.saveState(2, 2, 3);
    stage.grant(2, 3);
    return stage;
  };

  test('everything is there again, and what a later leader made it cut is not', () => {
    const stage = promised();
    stage.stop(2);
    stage.start(2);
    stage.truncate(2, 1);
    stage.append(2, 2);
    stage.sync(2);
    stage.stop(2);
    stage.start(2);
  });

  test('a start that finds less than there is', () => {
    const stage = promised();
    stage.stop(2);
    catches('D2', () => stage.start(2, { lastIndex: 0 }), /recovers a log up to 0/);
  });

  test('a vote forgotten', () => {
    const stage = promised();
    stage.stop(2);
    stage.saveState(2, 2, 0);
    catches('D2', () => stage.start(2), /has voted for node 3 in term 2/);
  });

  test('a term forgotten', () => {
    const stage = promised();
    stage.stop(2);
    stage.saveState(2, 1, 1);
    catches('D2', () => stage.start(2), /starts in term 1, after 2/);
  });

  test('acknowledged entries dropped by the start itself', () => {
    const stage = promised();
    stage.stop(2);
    stage.eraseLog(2);
    catches('D2', () => stage.start(2), /has acknowledged 1/);
  });
});

describe('S12, S13, S14: what is committed is durable on a majority, for ever', () => {
  const durable = () => new Stage(3, (chronicle) => new CommittedDurableJudge(chronicle));

  test('two of three have it, and one may lose it', () => {
    const stage = durable();
    for (const id of [1, 2, 3]) stage.enterTerm(id, 1);
    stage.lead(1);
    stage.append(1, 1);
    stage.append(2, 1);
    stage.sync(1);
    stage.sync(2);
    stage.commit(1, 1);
    stage.rot(2);
    stage.step(2);
  });

  test('S12: only the leader’s own disk has it', () => {
    const stage = durable();
    for (const id of [1, 2, 3]) stage.enterTerm(id, 1);
    stage.lead(1);
    stage.append(1, 1);
    stage.append(2, 1);
    stage.sync(1);
    catches('S12', () => stage.commit(1, 1), /missing on n2 .* n3/);
  });

  test('S13: a follower cuts it again, durably', () => {
    const stage = durable();
    stage.beginTerm();
    for (const id of [2, 3]) {
      stage.enterTerm(id, 2);
      stage.truncate(id, 1);
      stage.append(id, 2);
    }
    stage.sync(2);
    stage.step(2);
    stage.sync(3);
    catches('S13', () => stage.step(3), /1 was committed once/);
  });

  test('S12: who is known to be a suspect does not count', () => {
    const stage = new Stage(3, (chronicle) => new CommittedDurableJudge(chronicle));
    stage.beginTerm();
    stage.state(1).peer(nodeId(2))!.standing = 'suspect';
    stage.append(1, 1);
    stage.sync(1);
    stage.append(2, 1);
    stage.sync(2);
    catches('S12', () => stage.commit(1, 2));
  });
});

describe('D3, a damaged node abstains; D5, a stopped one is silent', () => {
  const damaged = () => new Stage(3, (chronicle) => new DamageJudge(chronicle));

  /** Node 3 has lost its log, and knows it. */
  const suspect = () => {
    const stage = damaged();
    stage.beginTerm();
    stage.rot(3);
    stage.stop(3);
    stage.start(3, {}, true);
    return stage;
  };

  test('a suspect may speak again once it has all that was committed when it started', () => {
    const stage = suspect();
    catches('D3', () => stage.grant(3, 2), /n3 is a suspect, and says RequestVoteResponse/);
    stage.eraseLog(3);
    stage.append(3, 1);
    stage.sync(3);
    stage.reinstate(3);
    stage.grant(3, 2);
    assert.equal(stage.actor(3).damage.log, false);
  });

  test('it is reinstated too early', () => {
    const stage = suspect();
    stage.eraseLog(3);
    stage.append(3, 1);
    catches('D3', () => stage.reinstate(3), /without all that was committed when it started/);
  });

  test('it has lost something, and does not suspect itself', () => {
    const stage = damaged();
    stage.beginTerm();
    stage.rot(3);
    stage.stop(3);
    catches('D3', () => stage.start(3), /does not suspect itself/);
  });

  test('pre-votes and acknowledgements are words that count too; refusals are not', () => {
    const stage = suspect();
    const preVote = { kind: 'PreVoteResponse', voteGranted: true, to: nodeId(2) } as const;
    catches('D3', () => stage.send(3, preVote));
    stage.send(3, { ...preVote, voteGranted: false });
    catches('D3', () => stage.acknowledge(3, 0));
    stage.send(3, { kind: 'SuspectResponse', success: true, matchIndex: index(0) });
  });

  test('a word from a node that ended', () => {
    const stage = damaged();
    stage.beginTerm();
    const { currentTerm } = stage.state(3);
    stage.stop(3);
    const event = { kind: 'term', node: nodeId(3), term: currentTerm } as const;
    catches('D5', () => stage.trace(3, event), /n3, which ended/);
  });
});

describe('S15, S16: what a leader takes for matched', () => {
  const matches = () => {
    const stage = new Stage(3, (chronicle) => new MatchJudge(chronicle));
    stage.beginTerm();
    return stage;
  };
  const match = (stage: Stage, follower: number, at: number) => {
    const progress = stage.state(1).peer(nodeId(follower))!;
    progress.matchIndex = index(at);
    progress.nextIndex = index(at + 1);
    stage.step(1);
  };

  test('what is durable on the follower', () => {
    const stage = matches();
    match(stage, 2, 1);
    match(stage, 3, 1);
  });

  test('S15: what is only in its memory', () => {
    const stage = matches();
    stage.append(1, 1);
    stage.append(2, 1);
    catches('S15', () => match(stage, 2, 2), /takes n2 to have its log up to 2/);
  });

  test('S16: backwards', () => {
    const stage = matches();
    match(stage, 2, 1);
    catches('S16', () => match(stage, 2, 0), /matchIndex 0 \(1 before\)/);
  });
});
