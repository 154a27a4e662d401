import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { commands } from '../../src/protocol/commands.ts';
import { World } from './world.ts';

const world = new World(1, 1);
world.startAll();
const client = world.client(world.elect());
client.ask('HELLO', '3');
const ask = (line: string): string => client.ask(...line.split(' '));
const topLevel = new Set(commands.map(({ name }) => name.split('|')[0]!));

describe('COMMAND', () => {
  test('COUNT, LIST and the list itself know the commands of the table', () => {
    assert.equal(ask('COMMAND COUNT'), `:${topLevel.size}`);
    const containers = [...topLevel].filter((word) => !commands.some(({ name }) => name === word));
    const listed = ask('COMMAND LIST').slice(1, -1).split(' ');
    const expected = [...commands.map(({ name }) => name), ...containers].map((name) => `$${name}`);
    assert.deepEqual(listed.sort(), expected.sort());
    for (const word of topLevel) assert.ok(ask('COMMAND').includes(`[$${word} :`), word);
    assert.equal(ask('COMMAND'), ask('COMMAND INFO'));
  });

  test('LIST filters', () => {
    assert.equal(
      ask('COMMAND LIST FILTERBY PATTERN CONFIG*'),
      '[$config $config|get $config|help]',
    );
    const blocking = '[$wait $backup|begin $backup|read]';
    assert.equal(ask('COMMAND LIST FILTERBY ACLCAT blocking'), blocking);
    assert.equal(ask('COMMAND LIST FILTERBY MODULE json'), '[]');
    assert.match(ask('COMMAND LIST FILTERBY ACLCAT write'), /^\[\$set .*\$del/);
    for (const wrong of ['FILTERBY', 'FILTERBY ACLCAT', 'FILTERBY X y', 'X']) {
      assert.equal(ask(`COMMAND LIST ${wrong}`), '-ERR syntax error');
    }
  });

  test('INFO says what Redis says of GET, and null of what there is not', () => {
    assert.equal(
      ask('COMMAND INFO get nosuch'),
      '[[$get :2 ~[+readonly +fast] :1 :1 :1 ~[+@read +@string +@fast] ~[] ' +
        '~[{$flags=~[+RO +access] $begin_search={$type=$index $spec={$index=:1}} ' +
        '$find_keys={$type=$range $spec={$lastkey=:0 $keystep=:1 $limit=:0}}}] ~[]] (nil)]',
    );
    const flags = '~[+admin +loading +stale] :0 :0 :0 ~[+@admin +@slow +@dangerous +@connection]';
    assert.equal(ask('COMMAND INFO CLIENT|KILL'), `[[$client|kill :-3 ${flags} ~[] ~[] ~[]]]`);
    assert.match(ask('COMMAND INFO config'), /^\[\[\$config :-2 ~\[\] .*~\[\[\$config\|get :-3 /);
  });

  test('DOCS describes for people, the arguments as a tree', () => {
    assert.equal(
      ask('COMMAND DOCS echo nosuch'),
      '{$echo={$summary=$Answers the message. $since=$0.1.0 $group=$connection $complexity=$O(1) ' +
        '$arguments=[{$name=$message $type=$string $display_text=$message}]}}',
    );
    const docs = ask('COMMAND DOCS');
    for (const { summary } of commands) assert.ok(docs.includes(`$summary=$${summary}`), summary);
    const set = ask('COMMAND DOCS set');
    assert.match(set, /\{\$name=\$key \$type=\$key [^}]*\$key_spec_index=:0\} /);
    const token = /\$arguments=\[\{\$name=\$nx \$type=\$pure-token \$token=\$NX\}/;
    assert.match(set, new RegExp(`\\$type=\\$oneof \\$flags=~\\[\\+optional\\] ${token.source}`));
  });

  test('GETKEYS finds the keys by their positions', () => {
    assert.equal(ask('COMMAND GETKEYS get a'), '[$a]');
    assert.equal(ask('COMMAND GETKEYS SET a b NX'), '[$a]');
    assert.equal(ask('COMMAND GETKEYS del a b c'), '[$a $b $c]');
    assert.equal(ask('COMMAND GETKEYS nosuch a'), '-ERR Invalid command specified');
    assert.equal(ask('COMMAND GETKEYS client'), '-ERR Invalid command specified');
    assert.equal(ask('COMMAND GETKEYS ping'), '-ERR The command has no key arguments');
    assert.equal(ask('COMMAND GETKEYS client kill x'), '-ERR The command has no key arguments');
    const wrong = '-ERR Invalid number of arguments specified for command';
    assert.equal(ask('COMMAND GETKEYS get'), wrong);
    assert.equal(ask('COMMAND GETKEYS get a b'), wrong);
  });
});

test('HELP is made of the table', () => {
  assert.equal(
    ask('CONFIG HELP'),
    '[+CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are: ' +
      '+GET pattern [pattern ...] +    Returns the settings whose names match a pattern. ' +
      '+HELP +    Lists the subcommands of CONFIG.]',
  );
  for (const word of ['CLIENT', 'CLUSTER', 'COMMAND']) {
    const help = ask(`${word} HELP`);
    for (const { name, summary } of commands) {
      if (name.startsWith(`${word.toLowerCase()}|`)) assert.ok(help.includes(summary), name);
    }
  }
});
