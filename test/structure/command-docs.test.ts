import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type PlannedCommand, plannedCommands } from '../../src/protocol/commands/planned.ts';
import { commands } from '../../src/protocol/commands.ts';
import { ROOT } from './sources.ts';

interface CommandDocs {
  readonly redis: {
    readonly groups: Record<string, readonly string[]>;
    readonly planned: Record<string, string>;
    readonly outOfScope: Record<string, string>;
  };
  commandDocs(table: typeof commands, planned: readonly PlannedCommand[]): string;
}

const { commandDocs, redis }: CommandDocs = await import(join(ROOT, 'scripts', 'command-docs.mjs'));

test('docs/commands.md is what the table of commands says: `npm run docs` makes it so', () => {
  const written = readFileSync(join(ROOT, 'docs', 'commands.md'), 'utf8');
  assert.equal(written, commandDocs(commands, plannedCommands));
});

test('a command is planned or out of scope once, and is one of Redis', () => {
  const listed = new Set(Object.values(redis.groups).flat());
  const planned = new Set([
    ...Object.keys(redis.planned),
    ...plannedCommands.map(({ name }) => name),
  ]);
  for (const name of Object.keys(redis.outOfScope)) {
    assert.ok(listed.has(name), name);
    assert.ok(!planned.has(name), `${name} is planned`);
    assert.ok(!commands.some((spec) => spec.name === name), `${name} is there`);
  }
});

test('a command that is neither there nor planned nor out of scope has to be decided on', () => {
  const others = commands.filter(({ name }) => name !== 'append');
  assert.throws(() => commandDocs(others, plannedCommands), /append is neither supported/);
});
