import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseBenchmark } from '../../bench/redis-tools.ts';

const said = (upTo999: string) => `
====== SET ======
  20000 requests completed in 0.19 seconds

Latency by percentile distribution:
0.000% <= 0.023 milliseconds (cumulative count 26)
50.000% <= 0.047 milliseconds (cumulative count 10527)
99.805% <= 0.135 milliseconds (cumulative count 19963)
${upTo999}99.951% <= 0.207 milliseconds (cumulative count 19992)
100.000% <= 0.255 milliseconds (cumulative count 20000)

Cumulative distribution of latencies:
99.960% <= 0.303 milliseconds (cumulative count 19992)

Summary:
  throughput summary: 106951.87 requests per second
  latency summary (msec):
          avg       min       p50       p95       p99       max
        0.049     0.016     0.047     0.071     0.095     0.255
`;

describe('the output of redis-benchmark', () => {
  it('is read by what its numbers are called', () => {
    const text = said('99.902% <= 0.159 milliseconds (cumulative count 19983)\n');
    assert.deepEqual(parseBenchmark(text), {
      perSecond: 106951.87,
      p50Ms: 0.047,
      p99Ms: 0.095,
      p999Ms: 0.159,
      maxMs: 0.255,
    });
  });

  it('leaves out percentiles: the next one above stands for p99.9, never one below', () => {
    assert.equal(parseBenchmark(said(''))?.p999Ms, 0.207);
  });

  it('is no measurement when the server answered with an error', () => {
    const error = 'Error from server: MOVED 3195 127.0.0.1:7003';
    for (const text of [`${error}\n`, '', `${error}\n====== SET ======\n`]) {
      assert.equal(parseBenchmark(text), null);
    }
  });
});
