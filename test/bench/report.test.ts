import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
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
