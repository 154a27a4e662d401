import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SimProcess, type Turns } from '../../src/sim/process.ts';
import { Scheduler } from '../../src/sim/scheduler.ts';

/** A process that hears of `read`, asks for a turn, and is then to hear of `rival`. */
function story(turns: Turns, meddle: (process: SimProcess) => void = () => {}): string[] {
  const scheduler = new Scheduler(1);
  const process = new SimProcess(scheduler, null, turns);
  const said: string[] = [];
  const read = () => {
    said.push('read');
    process.soon(() => said.push('turn'));
    said.push('asked');
    meddle(process);
  };
  scheduler.at(5, read, process);
  scheduler.at(5, () => said.push('rival'), process);
  scheduler.run(10);
  return said;
}

describe('what a process asks for soon', () => {
  test('comes right behind the call that asks, where turns are behind', () => {
    assert.deepEqual(story('behind'), ['read', 'asked', 'turn', 'rival']);
  });

  test('comes behind everything of that instant, where turns are apart', () => {
    assert.deepEqual(story('apart'), ['read', 'asked', 'rival', 'turn']);
  });

  test('never comes to a process that the call has killed', () => {
    for (const turns of ['apart', 'behind'] as const) {
      assert.deepEqual(
        story(turns, (process) => process.kill()),
        ['read', 'asked'],
      );
    }
  });

  test('waits, before what came later, while the process is stopped', () => {
    for (const turns of ['apart', 'behind'] as const) {
      const said = story(turns, (process) => process.pause());
      assert.deepEqual(said, ['read', 'asked']);
    }
    const scheduler = new Scheduler(1);
    const process = new SimProcess(scheduler, null, 'behind');
    const said: string[] = [];
    process.deliver(() => {
      process.soon(() => said.push('turn'));
      process.pause();
    });
    process.deliver(() => said.push('later'));
    process.resume();
    scheduler.run(1);
    assert.deepEqual(said, ['turn', 'later']);
  });

  test('is an event of its own when nobody of the process asks', () => {
    const scheduler = new Scheduler(1);
    const process = new SimProcess(scheduler, null, 'behind');
    const said: string[] = [];
    process.soon(() => said.push('turn'));
    assert.deepEqual(said, []);
    scheduler.run(0);
    assert.deepEqual(said, ['turn']);
  });
});
