import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Told } from './told.ts';

type Page = [cursor: string, keys: string[]];

/** All that a whole SCAN returns, with something done between its calls. */
function scanAll(told: Told, options: string, between: () => void = () => {}): string[] {
  const found: string[] = [];
  let cursor = '0';
  do {
    const [next, keys] = told.plain(`SCAN ${cursor} ${options}`.trimEnd()) as Page;
    assert.match(next, /^\d+$/);
    found.push(...keys);
    cursor = next;
    between();
  } while (cursor !== '0');
  return found;
}

function filled(count: number): Told {
  const told = new Told();
  for (let i = 0; i < count; i++) told.tell(`SET key:${i} ${i}`);
  return told;
}

test('SCAN returns every key once, whatever its COUNT', () => {
  const told = filled(1000);
  const all = Array.from({ length: 1000 }, (_, i) => `key:${i}`);
  for (const options of ['', 'COUNT 1', 'COUNT 7', 'COUNT 1000', 'COUNT 999999999999']) {
    assert.deepEqual(scanAll(told, options).sort(), [...all].sort(), options);
  }
  assert.deepEqual(scanAll(told, 'COUNT 100 MATCH key:99?').sort(), all.slice(990).sort());
  assert.deepEqual(scanAll(told, 'TYPE string COUNT 50').length, 1000);
  assert.deepEqual(told.plain('SCAN 0 TYPE list'), ['0', []]);
});

test('SCAN looks at no more than COUNT keys a call, found or not, and at 4096 at most', () => {
  const told = filled(10_000);
  const [cursor, keys] = told.plain('SCAN 0 COUNT 100 MATCH none') as Page;
  assert.deepEqual([keys.length, cursor], [0, '9901']);
  const [, many] = told.plain('SCAN 0 COUNT 10000') as Page;
  assert.equal(many.length, 4096);
});

test('a key that stays is returned exactly once, however others come and go', () => {
  const steps = fc.array(fc.tuple(fc.constantFrom('SET', 'DEL', 'RENAME'), fc.nat({ max: 29 })), {
    maxLength: 100,
  });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 5 }), (steps, count) => {
      const told = new Told();
      for (let i = 0; i < 30; i++) told.tell(`SET ${i % 3 === 0 ? 'stays' : 'goes'}:${i} v`);
      const rest = steps.values();
      const found = scanAll(told, `COUNT ${count}`, () => {
        const [what, i] = rest.next().value ?? ['EXISTS', 0];
        told.tell(what === 'RENAME' ? `RENAME goes:${i} new:${i}` : `${what} goes:${i} v`);
      });
      const stayed = found.filter((key) => key.startsWith('stays'));
      assert.deepEqual(stayed.length, 10);
      assert.equal(new Set(stayed).size, 10);
    }),
  );
});

test('a SCAN ends, although keys are created faster than it walks', () => {
  const told = filled(50);
  let created = 0;
  const found = scanAll(told, 'COUNT 1', () => {
    for (let i = 0; i < 3; i++) told.tell(`SET more:${created++} v`);
  });
  assert.deepEqual(found.length, 50);
});

test('a cursor means the same on every replica that has the same keys', () => {
  const [one, other] = [filled(100), filled(100)];
  const [cursor] = one.plain('SCAN 0 COUNT 30') as Page;
  assert.deepEqual(other.plain(`SCAN ${cursor}`), one.plain(`SCAN ${cursor}`));
  const [, all] = one.plain('SCAN 18446744073709551615 COUNT 100') as Page;
  assert.equal(all.length, 100, 'a cursor beyond every key starts at the newest');
});

test('KEYS looks only at what starts as its pattern does, and has a bound', () => {
  const told = new Told();
  for (let i = 0; i < 40_000; i += 1000) {
    const pairs = Array.from({ length: 1000 }, (_, j) => [`many:${i + j}`, 'v']).flat();
    told.tellWords(['MSET', ...pairs]);
  }
  told.tell('MSET few:b 1 few:a 2 few:c 3');
  assert.deepEqual(told.plain('KEYS few:*'), ['few:a', 'few:b', 'few:c']);
  assert.deepEqual(told.plain('KEYS few:[^b]'), ['few:a', 'few:c']);
  assert.deepEqual(told.plain('KEYS few:b'), ['few:b']);
  assert.equal((told.plain('KEYS many:1*') as string[]).length, 11_111);
  assert.match(
    told.plain('KEYS *') as string,
    /^ERR KEYS would look at more than 32768 keys: use SCAN/,
  );
});

test('a pattern or keys made to hold up the node are refused, and SCAN goes on', () => {
  const told = new Told();
  for (let i = 0; i < 3; i++) told.tellWords(['SET', `${'a'.repeat(8000)}${i}`, 'v']);
  const slow = `*${'a'.repeat(4000)}b`;
  const refusal = 'ERR the pattern takes too long to match: use fewer stars';
  assert.equal(told.plain(`KEYS ${slow}`), refusal);
  assert.equal(told.plain(`SCAN 0 MATCH ${slow}`), refusal);
  assert.deepEqual(scanAll(told, `MATCH *${'a'.repeat(60)}b`), []);
  for (let i = 0; i < 600; i++) told.tellWords(['SET', `${'b'.repeat(8000)}${i}`, 'v']);
  assert.equal(told.plain('KEYS b*'), 'ERR KEYS would answer more than 4194304 bytes: use SCAN');
  assert.ok((told.plain('SCAN 0 COUNT 4096') as Page)[1].length < 200);
  assert.equal(scanAll(told, 'COUNT 4096').length, 603);
});

test('RANDOMKEY: the same on every replica, another at every place of the log', () => {
  const [one, other] = [filled(100), filled(100)];
  assert.equal(new Told().plain('RANDOMKEY'), null);
  const drawn = new Set<unknown>();
  for (let i = 0; i < 200; i++) {
    const key = one.plain('RANDOMKEY');
    assert.equal(other.plain('RANDOMKEY'), key);
    drawn.add(key);
  }
  assert.ok(drawn.size > 60, `${drawn.size} of 100`);
});

test('RENAME, RENAMENX and COPY', () => {
  const told = new Told();
  const lines: [string, unknown][] = [
    ['MSET a 1 b 2', 'OK'],
    ['RENAME none x', 'ERR no such key'],
    ['RENAMENX none none', 'ERR no such key'],
    ['RENAME a a', 'OK'],
    ['RENAMENX a a', 0],
    ['RENAMENX a b', 0],
    ['RENAMENX a c', 1],
    ['RENAME c b', 'OK'],
    ['MGET a b c', [null, '1', null]],
    ['COPY b b', 'ERR source and destination objects are the same'],
    ['COPY b d', 1],
    ['SET b 9', 'OK'],
    ['COPY b d', 0],
    ['COPY b d DB 0 REPLACE', 1],
    ['GET d', '9'],
    ['COPY b d DB 1', 'ERR DB index is out of range'],
    ['COPY none none', 'ERR source and destination objects are the same'],
    ['COPY none d', 0],
    ['DBSIZE', 2],
  ];
  for (const [line, reply] of lines) assert.deepEqual(told.plain(line), reply, line);
});

test('no key expires yet, and TTL says so', () => {
  const told = new Told();
  told.tell('SET k v');
  for (const name of ['TTL', 'PTTL', 'EXPIRETIME', 'PEXPIRETIME']) {
    assert.equal(told.plain(`${name} k`), -1);
    assert.equal(told.plain(`${name} none`), -2);
  }
  assert.equal(told.plain('TYPE k'), 'string');
  assert.equal(told.plain('TYPE none'), 'none');
});
