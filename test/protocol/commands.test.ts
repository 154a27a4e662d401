import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { byteString } from '../../src/base/bytes.ts';
import { defaultLimits, type Limits } from '../../src/base/limits.ts';
import { type Command, commandRecordBytes } from '../../src/kv/command.ts';
import { commandSlot, commands, resolveCommand } from '../../src/protocol/commands.ts';
import type { ErrorReply } from '../../src/protocol/errors.ts';
import { keySlot } from '../../src/protocol/slots.ts';
import { bytes } from './chunks.ts';

const limits: Limits = { ...defaultLimits, keyBytesMax: 10, valueBytesMax: 20, entryBytesMax: 600 };

function parse(line: string): Command | ErrorReply {
  return parseArgs(line.split(' ').map((word) => bytes(word === '""' ? '' : word)));
}

function parseArgs(args: Uint8Array[]): Command | ErrorReply {
  const spec = resolveCommand(args);
  if (!('where' in spec)) return spec;
  assert.ok(spec.where === 'replicated', spec.name);
  return spec.parse(args, limits);
}

function refused(line: string): string {
  const answer = parse(line);
  assert.equal(answer.kind, 'error', line);
  return (answer as ErrorReply).text;
}

/** The name that a line resolves to, or the text of the error. */
function resolved(...words: string[]): string {
  const spec = resolveCommand(words.map(bytes));
  return 'where' in spec ? spec.name : spec.text;
}

const set = (options: object) => ({
  kind: 'set',
  key: bytes('k'),
  value: bytes('v'),
  condition: 'none',
  comparand: bytes(''),
  get: false,
  ...options,
});

test('each command becomes what the log carries', () => {
  const key = bytes('k');
  assert.deepEqual(parse('SET k v'), set({}));
  assert.deepEqual(parse('GET k'), { kind: 'get', key });
  assert.deepEqual(parse('DEL k k'), { kind: 'del', keys: [key, key] });
  assert.deepEqual(parse('EXISTS k k'), { kind: 'exists', keys: [key, key] });
  assert.deepEqual(parse('INCR k'), { kind: 'incrby', key, delta: 1 });
  assert.deepEqual(parse('DECR k'), { kind: 'incrby', key, delta: -1 });
  assert.deepEqual(parse('INCRBY k -7'), { kind: 'incrby', key, delta: -7 });
  assert.deepEqual(parse('DECRBY k -7'), { kind: 'incrby', key, delta: 7 });
  const delta = -9223372036854775807n;
  assert.deepEqual(parse('DECRBY k 9223372036854775807'), { kind: 'incrby', key, delta });
  assert.deepEqual(parse('SET k ""'), set({ value: bytes('') }));
});

test('the options of SET, in any order and case', () => {
  assert.deepEqual(parse('SET k v NX'), set({ condition: 'nx' }));
  assert.deepEqual(parse('SET k v xx'), set({ condition: 'xx' }));
  assert.deepEqual(parse('SET k v nX nx GET get'), set({ condition: 'nx', get: true }));
  assert.deepEqual(parse('SET k v get'), set({ get: true }));
  const ifeq = { condition: 'ifeq', comparand: bytes('x') };
  assert.deepEqual(parse('SET k v IFEQ x'), set(ifeq));
  assert.deepEqual(parse('SET k v GET IfEq x'), set({ ...ifeq, get: true }));
  assert.deepEqual(
    parse('SET k v ifne nx GET'),
    set({ condition: 'ifne', comparand: bytes('nx'), get: true }),
  );
  assert.deepEqual(parse('SET k v IFEQ ""'), set({ condition: 'ifeq' }));
});

test('SET refuses what contradicts itself, as Redis does', () => {
  const lines = [
    'NX XX',
    'XX NX',
    'NX IFEQ x',
    'IFEQ x NX',
    'IFNE x XX',
    'IFEQ x IFNE y',
    'IFEQ x IFEQ x',
    'IFDEQ x NX',
    'IFEQ',
    'GET IFNE',
    'IFDEQ',
    'EX',
    'GET PXAT',
    'EX 1 PX 1',
    'EX 1 EX 1',
    'KEEPTTL EX 1',
    'PXAT 1 KEEPTTL',
    'NXX',
    'N',
    '""',
    'IFGT x',
    'x',
  ];
  for (const options of lines)
    assert.equal(refused(`SET k v ${options}`), 'ERR syntax error', options);
});

test('what Redis has and DKVS has not is called so', () => {
  const unsupported = (option: string) => `ERR SET option ${option} is not supported yet`;
  assert.equal(refused('SET k v EX 10'), unsupported('EX'));
  assert.equal(refused('SET k v px 10 NX'), unsupported('PX'));
  assert.equal(refused('SET k v GET EXAT 10'), unsupported('EXAT'));
  assert.equal(refused('SET k v PXAT 10'), unsupported('PXAT'));
  assert.equal(refused('SET k v KEEPTTL keepttl'), unsupported('KEEPTTL'));
  assert.equal(refused('SET k v IFDEQ 0123456789abcdef'), unsupported('IFDEQ'));
  assert.equal(refused('SET k v ifdne 0123456789abcdef GET'), unsupported('IFDNE'));
});

test('integers are strict', () => {
  const text = 'ERR value is not an integer or out of range';
  for (const bad of ['x', '""', '+1', '01', '-0', '1.0', '1e3', '9223372036854775808']) {
    assert.equal(refused(`INCRBY k ${bad}`), text, bad);
    assert.equal(refused(`DECRBY k ${bad}`), text, bad);
  }
  assert.equal(refused('DECRBY k -9223372036854775808'), 'ERR decrement would overflow');
  assert.equal(parse('INCRBY k -9223372036854775808').kind, 'incrby');
});

test('keys and values have limits, and the error names them', () => {
  const emptyKey = 'ERR empty key: a key is 1 to 10 bytes long';
  const longKey = 'ERR key of 11 bytes is longer than the limit of 10 bytes';
  const eleven = 'k'.repeat(11);
  for (const line of [
    'SET K v',
    'GET K',
    'INCR K',
    'DECR K',
    'INCRBY K 1',
    'DECRBY K 1',
    'DEL a K',
    'EXISTS a K',
  ]) {
    assert.equal(refused(line.replace('K', '""')), emptyKey, line);
    assert.equal(refused(line.replace('K', eleven)), longKey, line);
    assert.notEqual(parse(line.replace('K', 'k'.repeat(10))).kind, 'error', line);
  }
  const long = 'v'.repeat(21);
  assert.equal(
    refused(`SET k ${long}`),
    'ERR value of 21 bytes is longer than the limit of 20 bytes',
  );
  assert.equal(
    refused(`SET k v IFEQ ${long}`),
    'ERR value to compare with of 21 bytes is longer than the limit of 20 bytes',
  );
  const most = 'v'.repeat(20);
  assert.equal(parse(`SET k ${most} IFEQ ${most}`).kind, 'set');
});

test('what is accepted fits into an entry', () => {
  const keys = fc.array(fc.string({ unit: fc.constantFrom('k'), minLength: 1, maxLength: 10 }), {
    minLength: 1,
    maxLength: 80,
    size: 'max',
  });
  fc.assert(
    fc.property(keys, (keys) => {
      const command = parseArgs(['DEL', ...keys].map(bytes));
      if (command.kind === 'error') {
        assert.match(
          command.text,
          /^ERR command of \d+ bytes is longer than the limit of 600 bytes$/,
        );
        assert.ok(keys.join('').length + 4 * keys.length > 300);
      } else assert.ok(commandRecordBytes(command) <= limits.entryBytesMax);
    }),
  );
});

test('names are found in any case, with Redis’s errors for the rest', () => {
  for (const name of ['set', 'SET', 'sEt']) assert.equal(resolved(name, 'k', 'v'), 'set');
  assert.equal(resolved('CLIENT', 'capa', 'redirect'), 'client|capa');
  assert.equal(resolved('client', 'SetInfo', 'LIB-NAME', 'x'), 'client|setinfo');
  assert.equal(resolved('COMMAND'), 'command');
  assert.equal(resolved('COMMAND', 'DOCS', 'get'), 'command|docs');
  assert.equal(resolved('CLIENT'), "ERR wrong number of arguments for 'client' command");
  assert.equal(resolved('CLIENT', 'FOO'), "ERR unknown subcommand 'FOO'. Try CLIENT HELP.");
  assert.equal(resolved('command', 'x\ny'), "ERR unknown subcommand 'x y'. Try COMMAND HELP.");
  assert.equal(
    resolved('client|capa', 'x'),
    "ERR unknown command 'client|capa', with args beginning with: 'x' ",
  );
  assert.equal(
    resolved('__proto__'),
    "ERR unknown command '__proto__', with args beginning with: ",
  );
  assert.equal(resolved(''), "ERR unknown command '', with args beginning with: ");
  assert.equal(resolved('G\x45\x54', 'k'), 'get');
  assert.match(resolved('\x47\x05\x54', 'k'), /^ERR unknown command/, 'only letters have a case');
});

test('arity is checked as Redis does', () => {
  const wrong = (name: string) => `ERR wrong number of arguments for '${name}' command`;
  assert.equal(resolved('get'), wrong('get'));
  assert.equal(resolved('GET', 'a', 'b'), wrong('get'));
  assert.equal(resolved('SET', 'a'), wrong('set'));
  assert.equal(resolved('del'), wrong('del'));
  assert.equal(resolved('INCRBY', 'a'), wrong('incrby'));
  assert.equal(resolved('PING'), 'ping');
  assert.equal(resolved('PING', 'a'), 'ping');
  assert.equal(resolved('PING', 'a', 'b'), wrong('ping'));
  assert.equal(resolved('ECHO'), wrong('echo'));
  assert.equal(resolved('STATUS', 'x'), wrong('status'));
  assert.equal(resolved('CLIENT', 'SETINFO', 'LIB-NAME'), wrong('client|setinfo'));
  assert.equal(resolved('CLIENT', 'CAPA'), wrong('client|capa'));
  assert.equal(resolved('QUIT', 'now'), 'quit');
});

test('the slot is the first key’s, and 0 without one', () => {
  const slotOf = (...words: string[]) => {
    const args = words.map(bytes);
    const spec = resolveCommand(args);
    assert.ok('where' in spec);
    return commandSlot(spec, args);
  };
  assert.equal(slotOf('GET', 'foo'), keySlot(bytes('foo')));
  assert.equal(slotOf('DEL', 'bar', 'foo'), keySlot(bytes('bar')));
  assert.equal(slotOf('PING', 'foo'), 0);
});

test('the table is whole: names in lower case and once, syntax and summary for each', () => {
  const names = commands.map((spec) => spec.name);
  assert.equal(new Set(names).size, names.length);
  for (const spec of commands) {
    assert.match(spec.name, /^[a-z]+(\|[a-z-]+)?$/);
    const words = spec.name.toUpperCase().split('|').join(' ');
    assert.ok(spec.syntax === words || spec.syntax.startsWith(`${words} `), spec.syntax);
    assert.match(spec.summary, /^[A-Z].*\.$/);
    assert.notEqual(spec.arity, 0);
    assert.equal(spec.where === 'replicated', spec.keys.first === 1);
    const args = [...spec.name.split('|'), ...Array(Math.abs(spec.arity)).fill('x')]
      .slice(0, Math.abs(spec.arity))
      .map(bytes);
    const found = resolveCommand(args);
    assert.equal(found, spec, byteString(args[0]!));
  }
});
