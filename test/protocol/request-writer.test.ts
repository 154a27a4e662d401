import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteWriter, byteString } from '../../src/base/bytes.ts';
import { defaultLimits } from '../../src/base/limits.ts';
import { encodeRequest, writeRequest } from '../../src/protocol/request-writer.ts';
import { RespParser, requestLimits } from '../../src/protocol/resp-parser.ts';
import { pullAll } from './chunks.ts';

test('an array of bulk strings, text as UTF-8', () => {
  assert.equal(
    byteString(encodeRequest(['SET', 'ключ', Uint8Array.of(0, 255)])),
    '*3\r\n$3\r\nSET\r\n$8\r\n\xd0\xba\xd0\xbb\xd1\x8e\xd1\x87\r\n$2\r\n\0\xff\r\n',
  );
});

test('what is written, the parser of requests reads', () => {
  const arg = fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array({ maxLength: 300 }));
  const requests = fc.array(fc.array(arg, { minLength: 1, maxLength: 5 }), { maxLength: 5 });
  const encoder = new TextEncoder();
  fc.assert(
    fc.property(requests, (requests) => {
      const out = new ByteWriter();
      for (const args of requests) writeRequest(out, args);
      const { values, error } = pullAll(new RespParser(requestLimits(defaultLimits)), [out.copy()]);
      assert.equal(error, null);
      const expected = requests.map((args) => {
        return args.map((a) => (typeof a === 'string' ? encoder.encode(a) : a));
      });
      assert.deepEqual(
        values.map((value) => value.args),
        expected,
      );
    }),
  );
});
