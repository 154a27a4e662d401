import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { defaultLimits } from '../../src/base/limits.ts';
import { TypedLine } from '../../src/cli/demo/typed-line.ts';
import { localMembers } from '../../src/cli/local-ports.ts';
import { main } from '../../src/cli/main.ts';
import { askStatus } from '../../src/cli/node-status.ts';
import { Supervisor } from '../../src/cli/supervisor.ts';
import { connect } from '../../src/node/client.ts';
import { commands } from '../../src/protocol/commands.ts';
import { errorCode, NOT_APPLIED_CODES, unknownOutcome } from '../../src/protocol/errors.ts';
import { FakeIo, until } from '../cli/fake-io.ts';
import { freePorts } from '../cli/ports.ts';
import { Terminal } from '../cli/terminal.ts';
import { ROOT } from '../structure/sources.ts';

/** What the README shows is done here, and what it says is looked up. */

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const readme = read('README.md');
const manifest = JSON.parse(read('package.json'));

/** The indented blocks, each as its lines. */
const blocks = (readme.match(/(?:^ {4}.*\n|^\n(?= {4}))+/gm) ?? []).map((block) =>
  block
    .trim()
    .split('\n')
    .map((line) => line.replace(/^ {4}/, '')),
);

interface Step {
  readonly typed: string;
  readonly shown: readonly string[];
}

/** What is typed, and what is shown under it. */
function stepsOf(lines: readonly string[], isTyped: (line: string) => boolean): Step[] {
  const steps: { typed: string; shown: string[] }[] = [];
  for (const line of lines.filter((some) => some !== '')) {
    if (isTyped(line)) steps.push({ typed: line, shown: [] });
    else steps.at(-1)!.shown.push(line);
  }
  return steps;
}

const blockWith = (text: string): readonly string[] => {
  const block = blocks.find((lines) => lines[0]!.startsWith(text));
  assert.ok(block !== undefined, `the README shows: ${text}`);
  return block;
};

describe('the README, followed', () => {
  const directory = mkdtempSync(join(tmpdir(), 'dkvs-readme-'));
  let cluster: Supervisor;

  before(async () => {
    cluster = new Supervisor({ members: localMembers(await freePorts(3), 3), directory });
    await cluster.startAll();
  });
  after(async () => {
    await cluster.killAll();
    rmSync(directory, { recursive: true, force: true });
  });

  /** As somebody at a terminal would see it. */
  async function dkvs(line: string): Promise<{ code: number; shown: readonly string[] }> {
    const io = new FakeIo().terminal();
    io.env['NO_COLOR'] = '1';
    io.env['DKVS_CONNECT'] = cluster.addresses.join(',');
    const code = await main(line.split(' '), io);
    return { code, shown: io.stdout.text.replaceAll('\x1b[K', '').trimEnd().split('\n') };
  }

  async function nodes() {
    const client = connect(cluster.addresses);
    await client.command(['GET', 'anything']);
    const replies = cluster.addresses.map((address) => askStatus(client, address, 2000));
    const roles = (await Promise.all(replies)).map((reply) => reply?.status.role);
    client.close();
    const leader = roles.indexOf('leader');
    assert.ok(leader >= 0, `roles ${roles}`);
    return { leader: cluster.members[leader]!, other: cluster.members[(leader + 1) % 3]! };
  }

  it('the command lines print what it shows', async () => {
    const steps = stepsOf(blockWith('$ npx dkvs set'), (line) => line.startsWith('$ '));
    assert.ok(steps.length >= 4);
    for (const { typed, shown } of steps) {
      const { code, shown: printed } = await dkvs(typed.replace('$ npx dkvs ', ''));
      assert.equal(code, 0, typed);
      if (shown.length > 0) assert.deepEqual(printed, shown, typed);
    }
    const { shown } = await dkvs('status');
    assert.equal(shown.length, 1 + 3);
    assert.equal(shown.filter((line) => / leader /.test(line)).length, 1);
  });

  it('the prompt shows what it shows', async () => {
    const typed = /^n1 leader t1> /;
    const steps = stepsOf(blockWith('n1 leader t1> '), (line) => typed.test(line));
    assert.ok(steps.length >= 4);
    const io = new FakeIo().terminal();
    Object.assign(io.env, {
      NO_COLOR: '1',
      DKVS_HISTORY_FILE: '',
      DKVS_CONNECT: cluster.addresses.join(','),
    });
    const done = main([], io);
    const rows = () => Terminal.rowsOf(io.stdout.text);
    const isReady = (count: number) => () => {
      return rows().length === count && /^\w+ leader t\d+>$/.test(rows().at(-1)!);
    };
    const expected: string[] = [];
    for (const step of steps) {
      await until(isReady(expected.length + 1), () => rows().join('\n'));
      io.keyboard.write(`${step.typed.replace(typed, '')}\r`);
      expected.push(step.typed, ...step.shown);
    }
    await until(isReady(expected.length + 1), () => rows().join('\n'));
    io.keyboard.end();
    assert.equal(await done, 0);
    const shown = rows().map((row) => row.replace(/^\w+ leader t\d+>/, 'n1 leader t1>'));
    assert.deepEqual(shown.slice(0, expected.length), expected);
  });

  it('the lines typed into nc are answered as it shows', async () => {
    const [, ...lines] = blockWith('$ nc ');
    const steps = stepsOf(lines, (line) => /^[A-Z]+ /.test(line));
    assert.ok(steps.length >= 2);
    const { leader } = await nodes();
    const line = await TypedLine.open(leader);
    for (const { typed, shown } of steps) {
      let answer = (await line.ask(typed)) ?? '';
      // The length of a value comes first, then the value: an empty line typed gets no answer.
      if (answer.startsWith('$')) answer += await line.ask('');
      assert.equal(answer, shown.map((text) => `${text}\r\n`).join(''), typed);
    }
    line.close();
  });

  it('a node that does not lead redirects', async () => {
    const { leader, other } = await nodes();
    const typed = await TypedLine.open(other);
    const to = `${leader.host}:${leader.port}\r\n`;
    assert.equal(await typed.ask('GET greeting'), `-REDIRECT ${to}`);
    assert.match(
      (await typed.ask('*2\r\n$3\r\nGET\r\n$1\r\nk')) ?? '',
      /^-MOVED \d+ 127\.0\.0\.1:/,
    );
    typed.close();
  });

  it('the exit codes are those that it lists', async () => {
    assert.equal((await dkvs('get nothing')).code, 3);
    assert.equal((await dkvs('set greeting again NX')).code, 4);
    assert.equal((await dkvs('set greeting')).code, 2);
    assert.equal((await dkvs('incr greeting')).code, 1);
    assert.equal((await dkvs('get greeting --connect 127.0.0.1:1 --timeout 300ms')).code, 5);
  });
});

describe('the README, looked up', () => {
  const text = readme.replaceAll(/\s+/g, ' ');

  it('has the exit codes of the help', async () => {
    const io = new FakeIo();
    await main(['--help'], io);
    const codes = /Exit codes: (.*? not allowed)/.exec(io.stdout.text.replaceAll(/\s+/g, ' '))![1]!;
    assert.ok(text.includes(`Exit codes: ${codes}.`), codes);
  });

  it('explains every error that says what became of a command, and no other', () => {
    const rows = readme.match(/^ *\| `.*$/gm) ?? [];
    const explained = rows.flatMap((row) => row.split('|')[1]!.match(/[A-Z]+/g) ?? []);
    const unknown = unknownOutcome('').text;
    assert.deepEqual(explained.sort(), [...NOT_APPLIED_CODES, errorCode(unknown)].sort());
  });

  it('lists every command of the log, and none that is not there', () => {
    const section = readme.slice(readme.indexOf('## Commands'));
    const spans = [...section.matchAll(/`([A-Z]+(?:\s[A-Z]+)+)`/g)].map(([, names]) => names!);
    const listed = spans.flatMap((names) => names.toLowerCase().split(/\s/));
    const replicated = commands.filter(({ where }) => where === 'replicated');
    assert.deepEqual(listed.sort(), replicated.map(({ name }) => name).sort());
  });

  it('names the commands of dkvs by their names', async () => {
    for (const [, name] of readme.matchAll(/`?(?:npx )?\bdkvs ((?!help)[a-z]+)(?= |`)/g)) {
      const io = new FakeIo();
      assert.equal(await main(['help', name!], io), 0, `dkvs ${name}: ${io.stderr.text}`);
    }
  });

  it('has the numbers of the code and of the manifest', () => {
    const { keyBytesMax, valueBytesMax } = defaultLimits;
    assert.ok(
      text.includes(`to ${keyBytesMax / 1024} KiB, values up to ${valueBytesMax / 1024 ** 2} MiB`),
    );
    assert.ok(text.includes(`Node.js ${manifest.engines.node.replace('>=', '')} or newer`));
    const scripts = [...readme.matchAll(/npm (?:run )?(start|test|demo)/g)].map(
      ([, name]) => name!,
    );
    assert.deepEqual([...new Set(scripts)].sort(), ['demo', 'start', 'test']);
    for (const name of scripts) assert.ok(name in manifest.scripts, name);
  });

  it('links to files that are there, as the map does', () => {
    for (const file of ['README.md', 'ARCHITECTURE.md']) {
      const links = [...read(file).matchAll(/\]\(([^)#:]+)\)/g)].map(([, link]) => link!);
      const broken = links.filter((link) => !existsSync(join(ROOT, dirname(file), link)));
      assert.deepEqual(broken, [], file);
    }
  });

  it('follows a write and a read through files that are there', () => {
    const layers = 'base|raft|storage|kv|protocol|replica|node|client|sim|cli';
    const named = new RegExp(`\`((?:${layers})/[\\w./-]+\\.ts)\``, 'g');
    const files = [...read('ARCHITECTURE.md').matchAll(named)].map(([, name]) => name!);
    assert.ok(files.length > 20);
    assert.deepEqual(
      files.filter((file) => !existsSync(join(ROOT, 'src', file))),
      [],
    );
  });
});
