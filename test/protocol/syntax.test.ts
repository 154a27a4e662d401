import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CommandInfo, commands } from '../../src/protocol/commands.ts';
import { type Argument, argumentsOf } from '../../src/protocol/syntax.ts';

const parse = (syntax: string): readonly Argument[] =>
  argumentsOf({ name: 'cmd', syntax: `CMD ${syntax}` } as CommandInfo);

/** As redis-cli writes the arguments that COMMAND DOCS describes. */
function written(args: readonly Argument[]): string {
  return args.map(one).join(' ');
}

function one({ name, type, token, optional, multiple, parts }: Argument): string {
  let value = name;
  if (type === 'pure-token') value = token;
  if (type === 'oneof') value = parts.map(one).join('|');
  if (type === 'block') value = written(parts);
  if (multiple) value = `${value} [${value} ...]`;
  const text = token === '' || type === 'pure-token' ? value : `${token} ${value}`;
  return optional ? `[${text}]` : text;
}

test('a syntax is read as Redis describes arguments', () => {
  const forms: Record<string, string> = {
    key: 'key',
    'key [key ...]': 'key [key ...]',
    'key value [key value ...]': 'key value [key value ...]',
    '[section ...]': '[section [section ...]]',
    'key [NX | XX | IFEQ value] [GET]': 'key [NX|XX|IFEQ value] [GET]',
    '<LIB-NAME libname | LIB-VER libver>': 'LIB-NAME libname|LIB-VER libver',
    '[protover [AUTH username password]]': '[protover [AUTH username password]]',
    '[TYPE <NORMAL | MASTER>] [ID client-id [client-id ...]]':
      '[TYPE NORMAL|MASTER] [ID client-id [client-id ...]]',
    'cursor [MATCH pattern] [COUNT count]': 'cursor [MATCH pattern] [COUNT count]',
  };
  for (const [syntax, form] of Object.entries(forms)) assert.equal(written(parse(syntax)), form);
});

test('types are told by the names', () => {
  const types = (syntax: string) => parse(syntax).map(({ name, type }) => `${name}: ${type}`);
  assert.deepEqual(types('key newkey value offset pattern'), [
    'key: key',
    'newkey: key',
    'value: string',
    'offset: integer',
    'pattern: pattern',
  ]);
});

test('the syntax of every command is read whole, and names its keys', () => {
  const wordsOf = (text: string) => text.match(/[^\s[\]<>|]+/g) ?? [];
  for (const spec of commands) {
    const args = argumentsOf(spec);
    const known = new Set([...wordsOf(written(args)), '...']);
    for (const word of wordsOf(spec.syntax).slice(spec.name.split('|').length)) {
      assert.ok(known.has(word), `${spec.syntax}: ${word}`);
    }
    // CLUSTER KEYSLOT is about the name of a key, not about a key.
    if (spec.where === 'connection') continue;
    assert.equal(hasKey(args), spec.keys.first > 0, spec.syntax);
  }
});

function hasKey(args: readonly Argument[]): boolean {
  return args.some(({ type, parts }) => type === 'key' || hasKey(parts));
}
