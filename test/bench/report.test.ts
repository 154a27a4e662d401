import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCsv } from '../../bench/redis-tools.ts';
import { replaceSection, table } from '../../bench/report.ts';

describe('a table', () => {
  it('has columns as wide as their widest cell', () => {
    const rows = [
      ['a', '1'],
      ['bcd', '1000'],
    ];
    assert.deepEqual(table(['', 'p50'], rows), [
      '      p50',
      '---  ----',
      'a       1',
      'bcd  1000',
    ]);
  });
});

describe('a section of a document', () => {
  const document =
    'before\n<!-- bench a -->\nold\n<!-- end of a -->\nbetween\n<!-- bench b -->\n<!-- end of b -->\n';

  it('is replaced, and nothing else', () => {
    const replaced = replaceSection(document, 'a', '$ new\n');
    const expected = '<!-- bench a -->\n```text\n$ new\n```\n<!-- end of a -->';
    assert.equal(
      replaced,
      document.replace(/<!-- bench a[\s\S]*end of a -->/, () => expected),
    );
    assert.equal(replaceSection(replaced, 'a', '$ new'), replaced, 'again');
  });

  it('that is not there is an error', () => {
    assert.throws(() => replaceSection(document, 'c', ''), /no section <!-- bench c -->/);
  });
});

describe('the output of redis-benchmark --csv', () => {
  const head =
    '"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"';

  it('is read by the names of its columns', () => {
    const text = `${head}\n"SET","4798.46","13.104","2.184","9.831","31.871","70.399","155.519"\n`;
    const expected = { perSecond: 4798.46, p50Ms: 9.831, p99Ms: 70.399, maxMs: 155.519 };
    assert.deepEqual(parseCsv(text), expected);
  });

  it('is no measurement when the server answered with an error', () => {
    const error = 'Error from server: MOVED 3195 127.0.0.1:7003';
    for (const text of [`${error}\n${head}\n`, head, error, '']) assert.equal(parseCsv(text), null);
  });
});
