import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AssertionError, assert as holds, unreachable } from '../../src/base/assert.ts';
import { Queue } from '../../src/base/queue.ts';

test('a queue does what an array does', () => {
  const operation = fc.constantFrom('push', 'push', 'push', 'shift', 'pop', 'peek', 'clear', 'at');
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const queue = new Queue<number>();
      const model: number[] = [];
      for (const [i, one] of operations.entries()) {
        if (one === 'push') {
          queue.push(i);
          model.push(i);
        } else if (one === 'shift') assert.equal(queue.shift(), model.shift());
        else if (one === 'pop') assert.equal(queue.pop(), model.pop());
        else if (one === 'peek') assert.equal(queue.peek(), model[0]);
        else if (one === 'at')
          for (const [at, value] of model.entries()) assert.equal(queue.at(at), value);
        else if (i % 5 === 0) {
          queue.clear();
          model.length = 0;
        }
        assert.equal(queue.length, model.length);
      }
    }),
  );
});

test('an element that is not there is a bug', () => {
  assert.throws(() => new Queue<number>().at(0), AssertionError);
});

test('an assertion makes its message only when it fails', () => {
  holds(true, () => assert.fail('made for nothing'));
  assert.throws(() => holds(false, () => 'the message'), /the message/);
  assert.throws(() => unreachable('x' as never), /unreachable: x/);
});
