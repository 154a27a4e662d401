import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchContext } from '../../bench/benchmark.ts';
import { inScope, Undo } from '../../bench/undo.ts';

describe('what is undone', () => {
  it('is undone once, the latest first, however many ask', async () => {
    const undo = new Undo();
    const log: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      undo.add(async () => {
        await sleep(1);
        log.push(name);
      });
    }
    const first = undo.run();
    // Whoever asks second waits for all of it, too.
    await undo.run();
    assert.deepEqual(log, ['c', 'b', 'a']);
    await first;
    await undo.run();
    assert.equal(log.length, 3);
  });

  it('is undone even where it began after an interrupt, and is the last to begin', async () => {
    const undo = new Undo();
    await undo.run();
    let isUndone = false;
    const begin = () =>
      undo.add(async () => {
        isUndone = true;
      });
    assert.throws(begin, /the run was interrupted/);
    await undo.run();
    assert.ok(isUndone);
  });
});

describe('a part of a benchmark', () => {
  const outer = new Undo();
  const context = () =>
    ({
      directory: mkdtempSync(join(tmpdir(), 'dkvs-bench-')),
      onEnd: (step) => outer.add(step),
    }) as BenchContext;

  it('leaves nothing behind, not even when it fails', async () => {
    const within = context();
    for (const fails of [false, true]) {
      const log: string[] = [];
      let directory = '';
      const running = inScope(within, 'part', async (inner) => {
        ({ directory } = inner);
        writeFileSync(join(directory, 'data'), 'x');
        inner.onEnd(async () => {
          log.push('server');
          assert.ok(existsSync(directory), 'its data outlives it');
        });
        if (fails) throw new Error('a reason');
        return 7;
      });
      if (fails) await assert.rejects(running, /a reason/);
      else assert.equal(await running, 7);
      assert.deepEqual(log, ['server']);
      assert.ok(!existsSync(directory));
    }
    rmSync(within.directory, { recursive: true });
  });
});
