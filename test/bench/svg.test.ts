import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Chart, linearScale, lineChart, logarithmicScale } from '../../bench/svg.ts';

const chart: Chart = {
  title: 'latency & load',
  notes: ['a < b'],
  xTitle: 'commands / s',
  yTitle: 'ms',
  curves: [
    {
      title: 'p50',
      color: '#0969da',
      isDashed: false,
      points: [
        [1000, 1],
        [2000, 10],
      ],
    },
    {
      title: 'p99',
      color: '#cf222e',
      isDashed: true,
      points: [
        [1000, 0],
        [2000, Number.NaN],
        [3000, 100],
      ],
    },
  ],
};

describe('a scale', () => {
  it('that is linear begins at 0 and ends at a round number', () => {
    const scale = linearScale([900, 5800], 100, 700);
    assert.deepEqual(scale.ticks, [0, 1000, 2000, 3000, 4000, 5000, 6000]);
    assert.deepEqual([0, 3000, 6000].map(scale.place), [100, 400, 700]);
    assert.deepEqual(linearScale([6000], 0, 1).ticks.at(-1), 6000);
  });

  it('that is logarithmic gives each power of ten the same room', () => {
    const scale = logarithmicScale([0.2, 30], 400, 100);
    assert.deepEqual(scale.ticks, [0.1, 1, 10, 100]);
    assert.deepEqual(scale.ticks.map(scale.place), [400, 300, 200, 100]);
    assert.deepEqual(logarithmicScale([1], 0, 1).ticks, [1, 10], 'one value has room, too');
    assert.deepEqual(logarithmicScale([1, 1000], 0, 1).ticks, [1, 10, 100, 1000]);
  });
});

describe('a chart', () => {
  it('draws each point where its numbers say', () => {
    const svg = lineChart(chart);
    // x: 0 to 3000 over 560 from 70; y: 1 to 100 over 360, upwards from 416.
    assert.match(svg, /<polyline points="256\.7,416 443\.3,236" fill="none" stroke="#0969da"/);
    assert.match(svg, /<polyline points="630,56" [^>]*stroke-dasharray/);
    assert.equal(svg.match(/<circle/g)?.length, 3, 'no place for 0, or for what was not measured');
  });

  it('is whole, with every text in it, escaped', () => {
    const svg = lineChart(chart);
    assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"[\s\S]*<\/svg>\n$/);
    for (const text of ['latency &amp; load', 'a &lt; b', 'p50', 'p99', 'commands / s', '3k']) {
      assert.ok(svg.includes(`>${text}</text>`), text);
    }
    assert.equal(svg.match(/<text/g)!.length, svg.match(/<\/text>/g)!.length);
    assert.doesNotMatch(svg, /NaN|Infinity|undefined/);
  });

  it('of nothing is a bug', () => {
    assert.throws(() => lineChart({ ...chart, curves: [] }), /a chart of nothing/);
  });
});
