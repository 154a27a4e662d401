import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Model, Operation } from '../../../src/sim/checker/history.ts';
import { checkLinearizability } from '../../../src/sim/checker/linearizability.ts';
import { register } from '../../../src/sim/checker/register.ts';
import {
  expectedVerdicts,
  historiesAreThere,
  parseRegisterLog,
  parseTextLog,
  readHistory,
  texts,
} from './recorded.ts';

const skip = historiesAreThere
  ? false
  : 'the recorded histories are not there: ../shared/histories';

function judge<S, I, O>(
  file: string,
  history: readonly Operation<I, O>[],
  model: Model<S, I, O>,
  expected: boolean,
  withinMs: number,
): void {
  const from = performance.now();
  const { kind } = checkLinearizability(history, model);
  const ms = performance.now() - from;
  assert.equal(kind, expected ? 'linearizable' : 'not linearizable', file);
  assert.ok(ms < withinMs, `${file} took ${ms.toFixed(0)} ms`);
}

describe('the checker gives the known verdict', { skip }, () => {
  const verdicts = skip === false ? expectedVerdicts() : [];

  test('on every Jepsen run against one register of an old etcd', () => {
    const files = verdicts.filter(([file]) => file.startsWith('etcd/'));
    assert.ok(files.length > 50, `${files.length} histories`);
    for (const [file, expected] of files) {
      judge(file, parseRegisterLog(readHistory(file)), register, expected, 2000);
    }
  });

  test('on several keys, with one client and with ten', () => {
    const files = verdicts.filter(([file]) => file.startsWith('kv/'));
    assert.ok(files.length >= 4, `${files.length} histories`);
    for (const [file, expected] of files) {
      const withinMs = file.startsWith('kv/c10') ? 5000 : 2000;
      judge(file, parseTextLog(readHistory(file)), texts, expected, withinMs);
    }
  });
});
