// docs/commands.md, made from the table of commands: `npm run docs`. A test fails when it is stale.

import { readFileSync } from 'node:fs';

/** Every command of Redis's groups of strings, keys and connections, by name. */
export const redis = JSON.parse(
  readFileSync(new URL('./redis-commands.json', import.meta.url), 'utf8'),
);

const titles = { string: 'Values', generic: 'Keys', connection: 'Connections' };

const intro = `# Commands

*Made by \`npm run docs\` from the table in \`src/protocol/commands.ts\` and from the names in
\`scripts/redis-commands.json\`. Do not edit.*

Every command of the groups *string*, *generic* and *connection* of Redis ${redis.version}, and what DKVS has beside
them. **Supported** ones take the arguments, and give the replies and the error texts, of Redis: a test
(\`test/real/redis-replies.test.ts\`) compares those of values and keys byte for byte with a real redis-server, over generated
requests, good and bad ones. What differs stands in the last column, and below. **Planned** ones answer an
error that says so, or that they are unknown. What is **out of scope** is unknown: \`ERR unknown command\`.

A command is one entry of the log: it takes effect as a whole, on every replica in the same place, or not at all. All keys
are in one shard, so a command may name any of them, and \`CROSSSLOT\` never happens.

## What differs everywhere

- A key is 1 byte to 8 KiB (\`--key-bytes-max\`), a value at most 1 MiB (\`--value-bytes-max\`), a pattern no longer than a key.
  What is longer, and the empty key, is refused with an error that names the limit.
- A command names at most 1024 keys, so that no entry takes long to apply, on any replica.
- A word ends where it ends, also if it contains a NUL, where Redis's options and cursors end.
- Options that have to do with expiry answer that they are not supported yet.
`;

/** @param {{ name: string }[]} commands @param {{ name: string, lack: string }[]} planned */
export function commandDocs(commands, planned) {
  const known = new Map(commands.map((spec) => [spec.name, spec]));
  const lacks = new Map(planned.map(({ name, lack }) => [name, lack]));
  const sections = Object.entries(titles).map(([group, title]) => {
    const own = commands.filter((spec) => spec.group === group).map(({ name }) => name);
    const names = [...new Set([...redis.groups[group], ...own])].sort();
    return section(title, names, known, lacks);
  });
  const listed = new Set(Object.keys(titles).flatMap((group) => redis.groups[group]));
  const others = commands.filter(({ name, group }) => !(group in titles) && !listed.has(name));
  const later = planned.map(({ name }) => name).filter((name) => !listed.has(name));
  const names = [...others.map(({ name }) => name), ...later].sort();
  return [intro, ...sections, section('Others', names, known, lacks)].join('\n');
}

function section(title, names, known, lacks) {
  const rows = names.map((name) => row(name, known.get(name), lacks.get(name)));
  return `## ${title}\n\n| command | | |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
}

function row(name, spec, lack) {
  const words = name.replace('|', ' ').toUpperCase();
  if (spec !== undefined) return cells(`\`${spec.syntax}\``, 'supported', spec.remark);
  if (lack !== undefined) return cells(`\`${words}\``, 'planned', `${sentence(lack)}.`);
  if (name in redis.planned) return cells(`\`${words}\``, 'planned', redis.planned[name]);
  if (name in redis.outOfScope) {
    return cells(`\`${words}\``, 'out of scope', redis.outOfScope[name]);
  }
  throw new Error(`${name} is neither supported nor planned nor out of scope: say which`);
}

const sentence = (text) => text[0].toUpperCase() + text.slice(1);
const cells = (...texts) => `| ${texts.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
