import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { bytesOf, hex } from '../../src/base/bytes.ts';
import { equalInConstantTime, hmacSha256, sha256 } from '../../src/base/sha256.ts';

const anyBytes = fc.uint8Array({ maxLength: 300 });

describe('SHA-256', () => {
  it('gives the digests of FIPS 180-4', () => {
    const vectors: [string, string][] = [
      ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
      ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
      [
        'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
        '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
      ],
      ['a'.repeat(1e6), 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0'],
    ];
    for (const [text, digest] of vectors) assert.equal(hex(sha256(bytesOf(text))), digest);
  });

  it('agrees with OpenSSL at every length around a block', () => {
    for (let length = 0; length <= 200; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => i * 7 + length);
      assert.equal(hex(sha256(bytes)), createHash('sha256').update(bytes).digest('hex'));
    }
  });

  it('agrees with OpenSSL on anything', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        assert.equal(hex(sha256(bytes)), createHash('sha256').update(bytes).digest('hex'));
      }),
    );
  });
});

describe('HMAC-SHA-256', () => {
  it('gives the codes of RFC 4231', () => {
    const key = new Uint8Array(20).fill(0x0b);
    assert.equal(
      hex(hmacSha256(key, bytesOf('Hi There'))),
      'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    );
    const long = new Uint8Array(131).fill(0xaa);
    assert.equal(
      hex(hmacSha256(long, bytesOf('Test Using Larger Than Block-Size Key - Hash Key First'))),
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    );
  });

  it('agrees with OpenSSL on anything', () => {
    fc.assert(
      fc.property(anyBytes, anyBytes, (key, message) => {
        const theirs = createHmac('sha256', key).update(message).digest('hex');
        assert.equal(hex(hmacSha256(key, message)), theirs);
      }),
    );
  });
});

it('a comparison in constant time is one', () => {
  fc.assert(
    fc.property(anyBytes, anyBytes, (a, b) => {
      assert.equal(equalInConstantTime(a, a.slice()), true);
      assert.equal(equalInConstantTime(a, b), hex(a) === hex(b));
    }),
  );
  assert.equal(equalInConstantTime(Uint8Array.of(1, 2), Uint8Array.of(1, 3)), false);
  assert.equal(equalInConstantTime(Uint8Array.of(0, 2), Uint8Array.of(1, 2)), false);
});
