import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultLimits } from '../../src/base/limits.ts';
import { integer } from '../../src/kv/reply.ts';
import { type PendingReply, Pipeline } from '../../src/replica/pipeline.ts';

const limits = {
  ...defaultLimits,
  clientPipelineMax: 20,
  clientPipelineBytesMax: 1000,
  clientPauseOutputBytes: 300,
};

const place = (bytes = 1): PendingReply => ({ reply: null, bytes });

/** How many commands it takes until it is full. */
function fill(pipeline: Pipeline): number {
  while (!pipeline.isFull) pipeline.push(place());
  return pipeline.length;
}

function drain(pipeline: Pipeline, places: readonly PendingReply[]): void {
  for (const one of places) one.reply = integer(0);
  while (pipeline.takeReply() !== null);
}

describe('the pipeline of a connection', () => {
  it('gives the replies in the order of the commands, whichever is answered first', () => {
    const pipeline = new Pipeline(limits);
    const [a, b, c] = [place(), place(), place()];
    for (const one of [a, b, c]) pipeline.push(one);
    b.reply = integer(2);
    assert.equal(pipeline.isNext(b), false);
    assert.equal(pipeline.takeReply(), null);
    a.reply = integer(1);
    assert.equal(pipeline.isNext(a), true);
    assert.deepEqual(pipeline.takeReply(), integer(1));
    assert.deepEqual(pipeline.takeReply(), integer(2));
    assert.equal(pipeline.takeReply(), null);
    assert.equal(pipeline.length, 1);
    assert.equal(pipeline.isNext(c), true);
  });

  it('takes few commands at first, and more as the client takes its replies', () => {
    const widened = (times: number) => {
      const pipeline = new Pipeline(limits);
      for (let i = 0; i < times; i++) pipeline.widen();
      return fill(pipeline);
    };
    assert.deepEqual([0, 1, 2, 3].map(widened), [8, 16, 20, 20]);
  });

  it('is full when its commands take much of the log, until they are answered', () => {
    const pipeline = new Pipeline(limits);
    const places = [place(600), place(400)];
    pipeline.push(places[0]!);
    assert.equal(pipeline.isFull, false);
    pipeline.push(places[1]!);
    assert.equal(pipeline.isFull, true);
    drain(pipeline, places);
    assert.equal(pipeline.isFull, false);
  });

  it('expects replies as long as those of late, and forgets a long one with time', () => {
    const pipeline = new Pipeline(limits);
    pipeline.wrote(200);
    pipeline.push(place());
    assert.equal(pipeline.isFull, false);
    pipeline.push(place());
    assert.equal(pipeline.isFull, true);
    for (let i = 0; i < 10; i++) pipeline.wrote(1);
    assert.equal(pipeline.isFull, false);
  });
});
