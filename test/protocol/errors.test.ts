import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as errors from '../../src/protocol/errors.ts';
import { bytes } from './chunks.ts';

const unknown = (...words: string[]) => errors.unknownCommand(words.map(bytes)).text;

test('the unknown command is told as Redis tells it', () => {
  const start = "ERR unknown command 'FOO', with args beginning with: ";
  assert.equal(unknown('FOO'), start);
  assert.equal(unknown('FOO', 'a', 'b'), `${start}'a' 'b' `);
  assert.equal(unknown('FOO', 'a\r\nb'), `${start}'a  b' `, 'no line end leaves in an error');
  assert.equal(unknown('FOO', 'a\0b'), `${start}'a' `);
  assert.equal(
    unknown('x'.repeat(200)),
    `ERR unknown command '${'x'.repeat(128)}', with args beginning with: `,
  );
});

test('its arguments are cut at 128 bytes in all, as in Redis', () => {
  const start = "ERR unknown command 'FOO', with args beginning with: ";
  assert.equal(unknown('FOO', 'y'.repeat(200), 'z'), `${start}'${'y'.repeat(128)}' `);
  // 'y…' takes 103 characters with its quotes and its space, so 25 are left for the next.
  assert.equal(
    unknown('FOO', 'y'.repeat(100), 'z'.repeat(50), 'w'),
    `${start}'${'y'.repeat(100)}' '${'z'.repeat(25)}' `,
  );
});

test('what became of a request: the texts, whose first word is stable', () => {
  const reason = 'no leader was elected within 1000 ms';
  assert.equal(errors.redirect('127.0.0.1', 7002).text, 'REDIRECT 127.0.0.1:7002');
  assert.equal(errors.moved(866, '::1', 7002).text, 'MOVED 866 ::1:7002');
  assert.equal(errors.clusterDown(reason).text, `CLUSTERDOWN ${reason}; nothing was applied`);
  assert.equal(errors.tryAgain('overload').text, 'TRYAGAIN overload; nothing was applied');
  assert.match(errors.notApplied().text, /^NOTAPPLIED .*; nothing was applied$/);
  assert.match(errors.unknownOutcome('late').text, /^UNKNOWN late; it may or may not be applied/);
  assert.equal(errors.unsupportedProtocol.text, 'NOPROTO unsupported protocol version');
});

test('which codes promise that nothing was applied', () => {
  const certain = [
    errors.redirect('h', 1),
    errors.moved(0, 'h', 1),
    errors.clusterDown('r'),
    errors.tryAgain('r'),
    errors.notApplied(),
  ];
  for (const { text } of certain)
    assert.ok(errors.NOT_APPLIED_CODES.has(errors.errorCode(text)), text);
  const { text } = errors.unknownOutcome('r');
  assert.equal(errors.errorCode(text), 'UNKNOWN');
  assert.ok(!errors.NOT_APPLIED_CODES.has('UNKNOWN'));
  assert.equal(errors.errorCode('LONELY'), 'LONELY');
});
