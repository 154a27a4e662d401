import { describe, test } from 'node:test';
import { bytesOf } from '../../../src/base/bytes.ts';
import { integer, OK } from '../../../src/kv/reply.ts';
import { AnswerJudge } from '../../../src/sim/judges/answers.ts';
import { FreshnessJudge } from '../../../src/sim/judges/freshness.ts';
import { LinearizabilityJudge } from '../../../src/sim/judges/linearizability.ts';
import { ReadIndexJudge } from '../../../src/sim/judges/read-index.ts';
import { StateMachineJudge } from '../../../src/sim/judges/state-machines.ts';
import { catches, commandEntry, entryOf, Stage, setEntry } from './stage.ts';

const incr = (at: number) => commandEntry(at, 1, { kind: 'incrby', key: bytesOf('n'), delta: 1 });

describe('S7, S9, S22: what the machines do', () => {
  const machines = () => new Stage(3, (chronicle) => new StateMachineJudge(chronicle));

  test('the same entries in the same order, the same replies, the same state', () => {
    const stage = machines();
    stage.beginTerm([entryOf(1, 1), setEntry(2, 1, 'n', '41'), incr(3)]);
    for (const id of [1, 2, 3]) for (const at of [1, 2, 3]) stage.apply(id, at);
  });

  test('the hash of the reference machine, now and then', () => {
    const stage = machines();
    stage.beginTerm(Array.from({ length: 130 }, (_, i) => setEntry(i + 1, 1, `k${i % 7}`, `${i}`)));
    for (let at = 1; at <= 130; at++) stage.apply(1, at);
  });

  test('S9: one entry left out', () => {
    const stage = machines();
    stage.beginTerm([entryOf(1, 1), entryOf(2, 1), entryOf(3, 1)]);
    stage.apply(1, 1);
    catches('S9', () => stage.applyEntry(1, entryOf(3, 1), OK), /applies 3 after 1/);
  });

  test('S7: another entry than was committed, and one that nobody committed', () => {
    const stage = machines();
    stage.beginTerm();
    catches('S7', () => stage.applyEntry(2, entryOf(1, 1, 'other'), OK), /not what was committed/);
    const late = machines();
    late.beginTerm();
    late.apply(1, 1);
    catches('S7', () => late.applyEntry(1, entryOf(2, 1), OK), /committed up to 1/);
  });

  test('S7: a byte of it has changed on the way', () => {
    const stage = machines();
    const entry = setEntry(1, 1, 'k', 'value');
    stage.beginTerm([entry]);
    entry.record[entry.record.length - 1]! ^= 1;
    catches('S7', () => stage.apply(1, 1), /has bytes that it did not have/);
  });

  test('S22: a reply that the reference machine would not give', () => {
    const stage = machines();
    stage.beginTerm([incr(1)]);
    catches(
      'S22',
      () => stage.applyEntry(1, incr(1), integer(2)),
      /:2, the reference machine with :1/,
    );
  });

  test('S22: two nodes with two states', () => {
    const stage = machines();
    const entry = setEntry(1, 1, 'k', 'v');
    stage.beginTerm([entry]);
    stage.apply(1, 1);
    catches('S22', () => stage.applyEntry(2, entry, OK), /the state of n2/);
  });
});

describe('R5, true answers', () => {
  const answers = () => new Stage(3, (chronicle) => new AnswerJudge(chronicle));
  const committed = (stage: Stage) => {
    stage.beginTerm([setEntry(1, 1, 'k', 'v'), incr(2), incr(3)]);
    return stage;
  };

  test('each answer is that of an entry; unknown is always true', () => {
    const stage = committed(answers());
    const [set, one, two] = [
      stage.invoke('SET k v'),
      stage.invoke('INCR n'),
      stage.invoke('incr n'),
    ];
    stage.return(two, { kind: 'unknown', reason: 'lost' });
    for (const at of [1, 2, 3]) stage.apply(1, at);
    stage.answer(set, '+OK');
    stage.answer(one, ':2');
  });

  test('an OK for what is not applied', () => {
    const stage = committed(answers());
    const set = stage.invoke('SET k v');
    catches('R5', () => stage.answer(set, '+OK'), /no entry that carries it/);
  });

  test('one result told twice', () => {
    const stage = committed(answers());
    const [, one, two] = [stage.invoke('SET k v'), stage.invoke('INCR n'), stage.invoke('INCR n')];
    for (const at of [1, 2, 3]) stage.apply(1, at);
    stage.answer(one, ':1');
    catches('R5', () => stage.answer(two, ':1'), /untold: :2/);
  });

  test('denied, and yet applied, before or after', () => {
    const denied = { kind: 'unavailable', reason: 'no leader' } as const;
    const before = committed(answers());
    const set = before.invoke('SET k v');
    before.apply(1, 1);
    catches('R5', () => before.return(set, denied), /asked for 1 times, of which 1/);
    const after = committed(answers());
    after.return(after.invoke('SET k v'), denied);
    catches('R5', () => after.apply(1, 1));
  });

  test('what nobody asked for', () => {
    const stage = committed(answers());
    catches('R5', () => stage.apply(1, 1), /asked for 0 times/);
  });
});

describe('R1, freshness', () => {
  const fresh = () => {
    const stage = new Stage(3, (chronicle) => new FreshnessJudge(chronicle));
    stage.beginTerm([setEntry(1, 1, 'k', 'old'), setEntry(2, 1, 'k', 'new')]);
    const [old, young] = [stage.invoke('SET k old'), stage.invoke('SET k new')];
    return { stage, old, young };
  };

  test('a read that overlaps a write may see either state', () => {
    for (const reply of ['$old', '$new']) {
      const { stage, old } = fresh();
      stage.apply(1, 1);
      stage.answer(old, '+OK');
      const get = stage.invoke('GET k', 2);
      stage.apply(1, 2);
      stage.answer(get, reply);
    }
  });

  test('a read that begins after the answer sees the write', () => {
    const { stage, young } = fresh();
    stage.apply(1, 1);
    stage.apply(1, 2);
    stage.answer(young, '+OK');
    const get = stage.invoke('GET k', 2);
    catches('R1', () => stage.answer(get, '$old'), /no state of the key behind entry 2/);
  });

  test('nor does it go back behind another read', () => {
    const { stage } = fresh();
    stage.apply(1, 1);
    stage.apply(1, 2);
    stage.answer(stage.invoke('GET k', 2), '$new');
    const get = stage.invoke('GET k', 3);
    catches('R1', () => stage.answer(get, '(nil)'));
  });
});

describe('LIN, what the clients saw', () => {
  const lin = () => new Stage(3, () => new LinearizabilityJudge(null));

  test('a history that makes sense; pending and lost operations may', () => {
    const stage = lin();
    const set = stage.invoke('SET k 1', 1);
    const lost = stage.invoke('SET k 2', 2);
    stage.answer(set, '+OK');
    stage.return(lost, { kind: 'unknown', reason: 'lost' });
    stage.invoke('SET k 3', 3);
    stage.answer(stage.invoke('GET k', 4), '$2');
    stage.answer(stage.invoke('GET k', 4), '$3');
    stage.return(stage.invoke('GET k', 4), { kind: 'unknown', reason: 'lost' });
    stage.end();
  });

  test('a stale read, shown on a time line', () => {
    const stage = lin();
    stage.answer(stage.invoke('SET k 1', 1), '+OK');
    stage.answer(stage.invoke('SET k 2', 2), '+OK');
    stage.answer(stage.invoke('GET k', 3), '$1');
    catches(
      'LIN',
      () => stage.end(),
      /c1 .*SET k 1 -> \+OK\nc2 .*SET k 2 -> \+OK\nc3 .*GET k -> \$1/,
    );
  });

  test('what was denied, and is seen', () => {
    const stage = lin();
    stage.return(stage.invoke('SET k 1', 1), { kind: 'unavailable', reason: 'no leader' });
    stage.answer(stage.invoke('GET k', 2), '$1');
    catches('LIN', () => stage.end());
  });

  test('an error is an answer like any other', () => {
    const stage = lin();
    stage.answer(stage.invoke('SET k x', 1), '+OK');
    const text = 'ERR value is not an integer or out of range';
    stage.return(stage.invoke('INCR k', 1), { kind: 'refused', text });
    stage.end();
  });

  test('what is beyond the limit may be settled by the ledger, for the better only', () => {
    const limits = { stepsMax: 300, windowStepsMax: 300 };
    const lost = { kind: 'unknown', reason: 'lost' } as const;
    const play = (inTheLog: number, read: string) => {
      const stage = new Stage(3, (chronicle) => new LinearizabilityJudge(chronicle, limits));
      const command = (at: number, delta: number) =>
        commandEntry(at, 1, { kind: 'incrby', key: bytesOf('n'), delta });
      stage.beginTerm([command(1, inTheLog)]);
      for (let i = 0; i < 12; i++) stage.return(stage.invoke(`INCRBY n ${2 ** i}`, i), lost);
      stage.apply(1, 1);
      stage.answer(stage.invoke('GET n', 20), read);
      stage.end();
    };
    play(2048, '$2048');
    catches('LIN', () => play(1024, '$2048'), /was not found out/);
  });

  /** The ledger has these values set, in this order; the clients set 1, then 2, then read. */
  const inOrder = (ledger: readonly string[], read: string, stepsMax = 1000) => {
    const limits = { stepsMax, windowStepsMax: 1000 };
    const stage = new Stage(3, (chronicle) => new LinearizabilityJudge(chronicle, limits));
    const entries = ledger.map((value, i) => setEntry(i + 1, 1, 'k', value));
    const get = commandEntry(3, 1, { kind: 'get', key: bytesOf('k') });
    stage.beginTerm([...entries, get]);
    const asked = [
      ['SET k 1', '+OK'],
      ['SET k 2', '+OK'],
      ['GET k', read],
    ] as const;
    for (const [i, [text, reply]] of asked.entries()) {
      const operation = stage.invoke(text, i + 1);
      stage.apply(1, i + 1);
      stage.answer(operation, reply);
    }
    stage.end();
  };

  test('the order of the ledger is proof enough, without a search', () => {
    inOrder(['1', '2'], '$2', 0);
  });

  test('the order of the ledger is believed in nothing: not in what was over, nor what was read', () => {
    catches('LIN', () => inOrder(['2', '1'], '$1'), /contradict each other/);
    catches('LIN', () => inOrder(['1', '2'], '$1'), /contradict each other/);
  });

  test('a limit that is too low is no pass', () => {
    const limits = { stepsMax: 3, windowStepsMax: 3 };
    const stage = new Stage(3, () => new LinearizabilityJudge(null, limits));
    for (let i = 0; i < 9; i++) stage.answer(stage.invoke(`SET k ${i}`, 1), '+OK');
    catches('LIN', () => stage.end(), /was not found out/);
  });
});

describe('R3, applied before it is read', () => {
  const reads = () => new Stage(3, (chronicle) => new ReadIndexJudge(chronicle));
  const get = (at: number) => commandEntry(at, 1, { kind: 'get', key: bytesOf('k') });

  test('two that ask for the same, and one that asks again', () => {
    const stage = reads();
    stage.beginTerm([entryOf(1, 1), setEntry(2, 1, 'k', 'v'), get(3), get(4), get(5), get(6)]);
    const first = stage.invoke('GET k', 1);
    const second = stage.invoke('GET k', 2);
    for (const at of [1, 2, 3, 4]) stage.apply(1, at);
    for (const at of [1, 2, 3, 4]) stage.apply(2, at);
    const third = stage.invoke('GET k', 3);
    stage.apply(2, 5);
    stage.answer(third, '$v');
    stage.answer(second, '$v');
    stage.answer(first, '$v');
    stage.apply(1, 5);
    stage.apply(1, 6);
  });

  test('an answer that no entry gave: from the state of a node alone', () => {
    const stage = reads();
    stage.beginTerm([entryOf(1, 1), setEntry(2, 1, 'k', 'v'), get(3)]);
    for (const at of [1, 2]) stage.apply(1, at);
    const operation = stage.invoke('GET k');
    catches('R3', () => stage.answer(operation, '$v'), /no entry behind 2 .*applied up to 2/);
  });

  test('an answer of an entry that was applied before the question', () => {
    const stage = reads();
    stage.beginTerm([entryOf(1, 1), setEntry(2, 1, 'k', 'v'), get(3)]);
    for (const at of [1, 2, 3]) stage.apply(1, at);
    const operation = stage.invoke('GET k');
    catches('R3', () => stage.answer(operation, '$v'), /no entry behind 3/);
  });

  test('one entry that has answered two', () => {
    const stage = reads();
    stage.beginTerm([entryOf(1, 1), get(2)]);
    const [first, second] = [stage.invoke('GET k', 1), stage.invoke('GET k', 2)];
    for (const at of [1, 2]) stage.apply(1, at);
    stage.answer(first, '(nil)');
    catches('R3', () => stage.answer(second, '(nil)'));
  });

  test('an answer that its entry did not give', () => {
    const stage = reads();
    stage.beginTerm([entryOf(1, 1), get(2)]);
    const operation = stage.invoke('GET k');
    for (const at of [1, 2]) stage.apply(1, at);
    catches('R3', () => stage.answer(operation, '$v'), /answered with \$v/);
  });
});
