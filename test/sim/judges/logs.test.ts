import { describe, test } from 'node:test';
import { CommitJudge } from '../../../src/sim/judges/commits.ts';
import { CompletenessJudge } from '../../../src/sim/judges/completeness.ts';
import { LogJudge } from '../../../src/sim/judges/logs.ts';
import { catches, entryOf, Stage } from './stage.ts';

describe('S4, S5, S17, S18: what may become of a log', () => {
  const logs = () => new Stage(3, (chronicle) => new LogJudge(chronicle));

  test('a follower that conflicts with its leader cuts, and appends what the leader has', () => {
    const stage = logs();
    stage.enterTerm(1, 1);
    stage.lead(1);
    stage.append(1, 1, 1, 1);
    stage.enterTerm(2, 2);
    stage.append(2, 2);
    stage.enterTerm(1, 2);
    stage.truncate(1, 1);
    stage.append(1, 2);
  });

  test('S4: a leader that cuts', () => {
    const stage = logs();
    stage.enterTerm(1, 1);
    stage.lead(1);
    stage.append(1, 1, 1);
    catches('S4', () => stage.truncate(1, 2), /n1 leads term 1 and removes entry 2/);
  });

  test('S5: two entries of one term at one index', () => {
    const stage = logs();
    stage.enterTerm(1, 1);
    stage.enterTerm(2, 1);
    stage.appendEntries(1, [entryOf(1, 1, 'one')]);
    catches('S5', () => stage.appendEntries(2, [entryOf(1, 1, 'another')]), /entry 1 of term 1/);
  });

  test('S5: the same entry behind different ones, found at a start too', () => {
    const stage = logs();
    for (const id of [1, 2]) stage.enterTerm(id, 3);
    stage.append(1, 1, 3);
    stage.append(2, 2);
    catches('S5', () => stage.append(2, 3), /entry 2 of term 3/);
  });

  test('S17: what is known to be committed is cut', () => {
    const stage = logs();
    stage.enterTerm(1, 1);
    stage.append(1, 1, 1);
    stage.commit(1, 2);
    stage.enterTerm(1, 2);
    catches('S17', () => stage.truncate(1, 2), /removes entry 2, but knows 2/);
  });

  test('S17: what was no conflict is cut', () => {
    const stage = logs();
    stage.enterTerm(1, 1);
    stage.append(1, 1, 1, 1);
    stage.truncate(1, 2);
    catches('S17', () => stage.append(1, 1), /removed entry 2 of term 1 only to append it again/);
  });

  test('S18: an entry of a later term than the node is in', () => {
    const stage = logs();
    stage.enterTerm(1, 1);
    catches('S18', () => stage.append(1, 2), /in term 1, has entry 1 of term 2/);
  });
});

describe('S7, S8, S10, S11: what may be committed', () => {
  const commits = () => new Stage(3, (chronicle) => new CommitJudge(chronicle));

  test('a leader commits an entry of its term, and with it the one before', () => {
    const stage = commits();
    for (const id of [1, 2]) {
      stage.enterTerm(id, 2);
      stage.append(id, 1, 2);
    }
    stage.lead(1);
    stage.commit(1, 2);
    stage.commit(2, 1);
    stage.commit(2, 2);
    stage.step(2);
  });

  test('S11: an entry of an earlier term, by counting (Figure 8)', () => {
    const stage = commits();
    stage.enterTerm(1, 2);
    stage.append(1, 1, 2);
    stage.lead(1);
    catches('S11', () => stage.commit(1, 1), /commits entry 1 of term 1 by counting/);
  });

  test('S8: back', () => {
    const stage = commits();
    stage.beginTerm([entryOf(1, 1), entryOf(2, 1)]);
    stage.commit(2, 2);
    catches('S8', () => stage.commit(2, 1), /n2 commits 1 after 2/);
  });

  test('S10: more than there is', () => {
    const stage = commits();
    stage.beginTerm();
    stage.state(2).commitIndex = stage.state(1).log.lastIndex;
    stage.step(2);
    stage.state(2).appliedIndex = (stage.state(2).commitIndex + 1) as never;
    catches('S10', () => stage.step(2), /has applied 2/);
  });

  test('S7: something else than was committed there first', () => {
    const stage = commits();
    stage.beginTerm();
    stage.enterTerm(3, 2);
    stage.truncate(3, 1);
    stage.append(3, 2);
    catches('S7', () => stage.commit(3, 1), /not what was committed there first/);
  });
});

describe('S6, S19: who has what is committed', () => {
  const completeness = () => new Stage(3, (chronicle) => new CompletenessJudge(chronicle));

  test('a later leader has everything; a shorter log is not as up-to-date', () => {
    const stage = completeness();
    stage.beginTerm();
    stage.step(1);
    stage.enterTerm(2, 2);
    stage.lead(2);
    stage.step(2);
  });

  test('S6: a leader without what is committed', () => {
    const stage = completeness();
    stage.beginTerm();
    stage.enterTerm(3, 2);
    stage.truncate(3, 1);
    catches('S6', () => stage.lead(3), /n3 leads term 2 without everything up to 1/);
  });

  test('S6: something is committed behind the back of a later leader', () => {
    const stage = completeness();
    stage.beginTerm();
    stage.enterTerm(3, 2);
    stage.lead(3);
    stage.append(1, 1);
    catches('S6', () => stage.commit(1, 2), /n3 leads term 2 without everything up to 2/);
  });

  test('S19: a log that would win lacks something', () => {
    const stage = completeness();
    stage.beginTerm();
    stage.enterTerm(3, 2);
    stage.truncate(3, 1);
    stage.append(3, 2);
    catches('S19', () => stage.step(3), /the log of n3, up to 1 of term 2/);
  });

  test('S19 is silent where Figure 8 allows it: known to be committed, and yet to lose', () => {
    const stage = new Stage(5, (chronicle) => new CompletenessJudge(chronicle));
    stage.beginTerm();
    for (const id of [1, 2, 3, 4]) stage.enterTerm(id, 2);
    stage.lead(1);
    stage.append(1, 2);
    stage.append(2, 2);
    stage.enterTerm(5, 3);
    stage.lead(5);
    stage.append(5, 3);
    for (const id of [1, 2, 3, 4]) stage.enterTerm(id, 4);
    stage.lead(1);
    stage.append(1, 4);
    stage.append(2, 4);
    stage.append(3, 2, 4);
    stage.commit(1, 3);
    // Node 4 is sent one entry, and learns that it is committed; of term 4 it has nothing yet.
    stage.append(4, 2);
    stage.commit(4, 2);
    stage.step(4);
    stage.append(4, 4);
    catches(
      'S19',
      () => {
        stage.enterTerm(5, 5);
        stage.append(5, 5);
        stage.step(4);
      },
      /the log of n5, up to 3 of term 5/,
    );
  });
});
