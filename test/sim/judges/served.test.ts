import { describe, test } from 'node:test';
import { Entry, EntryType } from '../../../src/base/entry.ts';
import { index, term } from '../../../src/base/ids.ts';
import { ServedBytesJudge } from '../../../src/sim/judges/served-bytes.ts';
import { catches, entryOf, Stage, setEntry } from './stage.ts';

describe('D4, no unverified bytes are served', () => {
  const entries = () => [entryOf(1, 1), setEntry(2, 1, 'k', 'old'), setEntry(3, 1, 'k', 'new')];

  /** Node 1 leads, and has these three entries. */
  function leading(): Stage {
    const stage = new Stage(3, (chronicle) => new ServedBytesJudge(chronicle));
    stage.beginTerm(entries());
    return stage;
  }

  const serve = (stage: Stage, prevLogIndex: number, ...served: Entry[]) =>
    stage.send(1, { kind: 'AppendEntries', prevLogIndex: index(prevLogIndex), entries: served });

  test('what the leader has, from anywhere on', () => {
    const stage = leading();
    serve(stage, 0, ...entries());
    serve(stage, 2, ...entries().slice(2));
    serve(stage, 3);
  });

  test('a bit that has flipped on the disk', () => {
    const [, second] = entries();
    second!.record[second!.record.length - 1]! ^= 4;
    catches('D4', () => serve(leading(), 1, second!), /not those that its checksum covers/);
  });

  test('bytes of elsewhere, as whole as can be: a misdirected read', () => {
    const { record } = entries()[2]!;
    const misread = new Entry(index(2), term(1), EntryType.Command, record);
    catches('D4', () => serve(leading(), 1, misread), /in the place of entry 2; its record says 3/);
    catches('D4', () => serve(leading(), 1, entries()[2]!), /in the place of entry 2/);
  });

  test('an entry of that index and term which the log never had', () => {
    const other = setEntry(2, 1, 'k', 'odd');
    catches('D4', () => serve(leading(), 1, other), /not what it has taken into its log there/);
  });

  test('what a leader said in the turn in which it was deposed is judged by its checksum alone', () => {
    const stage = leading();
    stage.enterTerm(1, 2);
    stage.truncate(1, 2);
    stage.send(1, {
      kind: 'AppendEntries',
      term: term(1),
      prevLogIndex: index(1),
      entries: entries().slice(1),
    });
  });
});
