import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timeline } from '../../bench/timeline.ts';

test('bars stand where they began, as long as they lasted, with their words where there is room', () => {
  const svg = timeline({
    title: 'One <write>',
    notes: ['a note'],
    lanes: [
      {
        title: 'a disk',
        bars: [
          { title: 'sync', kind: 'disk', from: 100, to: 400 },
          { title: 'short', kind: 'work', from: 400, to: 401 },
        ],
      },
    ],
  });
  const bars = [...svg.matchAll(/<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="22"/g)];
  const [[, left, width], [, next]] = bars as unknown as [string[], string[]];
  // 740 pixels are 500 microseconds, from 90 on.
  assert.equal(Number(left), Math.round((90 + (740 * 100) / 500) * 10) / 10);
  assert.ok(Math.abs(Number(width) - (740 * 300) / 500) < 0.2);
  assert.ok(Math.abs(Number(next) - Number(left) - Number(width)) < 0.2);
  assert.match(svg, /<title>a disk: sync 300 µs<\/title>/);
  assert.match(svg, />sync 300 µs<\/text>/);
  assert.match(svg, /<title>a disk: short 1 µs<\/title>/);
  assert.doesNotMatch(svg, />short[^<]*<\/text>/);
  assert.match(svg, /One &lt;write&gt;/);
});
