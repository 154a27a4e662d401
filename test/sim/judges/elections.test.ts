import { describe, test } from 'node:test';
import { nodeId, term } from '../../../src/base/ids.ts';
import { ElectionJudge } from '../../../src/sim/judges/elections.ts';
import { TermJudge } from '../../../src/sim/judges/terms.ts';
import { catches, Stage } from './stage.ts';

const election = () => new Stage(3, (chronicle) => new ElectionJudge(chronicle));

describe('S1, one leader a term', () => {
  test('a leader a term, and the same again by nobody', () => {
    const stage = election();
    stage.enterTerm(1, 1);
    stage.lead(1);
    stage.enterTerm(2, 2);
    stage.lead(2);
  });

  test('two in one term, even if the first is down by now', () => {
    const stage = election();
    stage.enterTerm(1, 1);
    stage.lead(1);
    stage.stop(1);
    stage.enterTerm(2, 1);
    catches('S1', () => stage.lead(2), /n1 and n2 both won term 1/);
  });
});

describe('S2, one vote a term', () => {
  test('a vote may be said again, and another one given in a later term', () => {
    const stage = election();
    stage.enterTerm(1, 1, 2);
    stage.grant(1, 2);
    stage.grant(1, 2);
    stage.enterTerm(1, 2, 3);
    stage.grant(1, 3);
    stage.send(1, { kind: 'RequestVoteResponse', voteGranted: false, to: nodeId(2) });
  });

  test('two candidates, with a restart in between', () => {
    const stage = election();
    stage.enterTerm(1, 1, 2);
    stage.grant(1, 2);
    stage.stop(1);
    stage.start(1);
    stage.enterTerm(1, 1, 3);
    catches('S2', () => stage.grant(1, 3), /term 1, n1 voted for node 2 and for node 3/);
  });

  test('a candidate has voted for itself', () => {
    const stage = election();
    stage.enterTerm(1, 1, 1);
    stage.send(1, { kind: 'RequestVote' });
    catches('S2', () => stage.grant(1, 3));
  });
});

describe('S3, terms only grow', () => {
  const terms = () => new Stage(3, () => new TermJudge());

  test('from term to term, and over a restart', () => {
    const stage = terms();
    stage.enterTerm(1, 1);
    stage.enterTerm(1, 4);
    stage.saveState(1, 4, 0);
    stage.grant(1, 2);
    stage.stop(1);
    stage.start(1);
    // A pre-vote names a term that nobody has.
    stage.send(1, { kind: 'PreVote', term: term(5) });
    stage.stop(1);
    stage.start(1);
  });

  test('backwards', () => {
    const stage = terms();
    stage.enterTerm(1, 4);
    catches('S3', () => stage.enterTerm(1, 3), /from term 4 to 3/);
  });

  test('forgotten by a restart, once others had heard of it', () => {
    const stage = terms();
    stage.enterTerm(1, 4);
    stage.grant(1, 2);
    stage.stop(1);
    catches('S3', () => stage.start(1), /starts in term 0, but has spoken in term 4/);
  });

  test('forgotten before anybody heard of it: no harm', () => {
    const stage = terms();
    stage.enterTerm(1, 4);
    stage.stop(1);
    stage.start(1);
  });
});
