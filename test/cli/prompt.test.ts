import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, it } from 'node:test';
import { main } from '../../src/cli/main.ts';
import { FakeIo, until } from './fake-io.ts';
import { type Answer, bulk, FakeServer, keyspace } from './fake-server.ts';
import { Terminal } from './terminal.ts';

const directory = mkdtempSync(join(tmpdir(), 'dkvs-prompt-'));
after(() => rmSync(directory, { recursive: true, force: true }));
let files = 0;

const ENTER = '\r';
const TAB = '\t';
const UP = '\x1b[A';
const CTRL_C = '\x03';
const CTRL_D = '\x04';

/** A node that leads in this term, with a keyspace and what else it is to answer. */
class Node {
  name = 'n1';
  term = 7;
  role = 'leader';
  more: Answer = () => '';
  /** While it is not null, answers wait here. */
  held: string | null = null;
  private readonly rest = keyspace();

  readonly answer: Answer = (args) => {
    const answer = this.answerNow(args);
    if (this.held === null || answer === null) return answer;
    this.held += answer.toString('latin1');
    return null;
  };

  private readonly answerNow: Answer = (args) => {
    const more = this.more(args);
    if (more !== '') return more;
    if (args[0] !== 'STATUS') return this.rest(args);
    const { name, role, term } = this;
    return bulk(JSON.stringify({ name, role, term, commitIndex: 5, lastApplied: 5, keys: 3 }));
  };
}

/** Everybody who sits at a prompt in this test. */
const people: Person[] = [];

/** Somebody at a prompt. */
class Person {
  readonly io = new FakeIo().terminal();
  readonly done: Promise<number>;

  constructor(address: string, historyFile: string, ...argv: string[]) {
    this.io.env['DKVS_CONNECT'] = address;
    this.io.env['DKVS_HISTORY_FILE'] = historyFile;
    this.io.env['NO_COLOR'] = '1';
    this.done = main(argv, this.io);
    people.push(this);
  }

  get seen(): readonly string[] {
    return Terminal.rowsOf(this.io.stdout.text);
  }

  /** Types, and waits until the last row is this. */
  async types(keys: string, lastRow: string | RegExp): Promise<void> {
    this.io.keyboard.write(keys);
    await this.sees(lastRow);
  }

  async sees(lastRow: string | RegExp): Promise<void> {
    const isSeen = () => {
      const row = this.seen.at(-1)!;
      return typeof lastRow === 'string' ? row === lastRow : lastRow.test(row);
    };
    await until(isSeen, () => `${lastRow}\n${this.seen.join('\n')}`);
  }

  async leaves(): Promise<void> {
    this.io.keyboard.write(CTRL_D);
    assert.equal(await this.done, 0);
  }
}

describe('the prompt', () => {
  let node: Node;
  let server: FakeServer;
  let historyFile: string;
  let person: Person;

  beforeEach(async () => {
    node = new Node();
    server = await FakeServer.listen(node.answer);
    historyFile = join(directory, `${files++}`, 'history');
    person = new Person(server.address, historyFile);
    await person.sees('n1 leader t7>');
  });
  afterEach(async () => {
    await server.close();
    for (const { io, done } of people.splice(0)) {
      io.keyboard.end();
      assert.equal(await done, 0);
      assert.equal(io.listeners, 0);
      assert.equal(io.isRaw, false);
    }
  });

  it('runs what is typed, shows replies and errors for people, and leaves at Ctrl-D', async () => {
    await person.types(`SET a 1${ENTER}`, 'n1 leader t7>');
    await until(
      () => person.seen.length === 3,
      () => person.seen.join('\n'),
    );
    await person.types(`get a${ENTER}get none${ENTER}GTE a${ENTER}.quit`, 'n1 leader t7> .quit');
    assert.deepEqual(person.seen, [
      'n1 leader t7> SET a 1',
      'OK',
      'n1 leader t7> get a',
      '"1"',
      'n1 leader t7> get none',
      '(nil)',
      'n1 leader t7> GTE a',
      "(error) ERR unknown command 'GTE'",
      '  did you mean `get`?',
      'n1 leader t7> .quit',
    ]);
    person.io.keyboard.write(ENTER);
    assert.equal(await person.done, 0);
  });

  it('says who leads as soon as that changes, and leaves what is being typed alone', async () => {
    await person.types('SET half', 'n1 leader t7> SET half');
    Object.assign(node, { name: 'n2', term: 8 });
    await person.sees('n2 leader t8> SET half');
    node.role = 'candidate';
    await person.sees('n2 candidate t8> SET half');
    node.more = ([name]) => (name === 'STATUS' ? '-ERR not now\r\n' : '');
    await person.sees('unreachable> SET half');
    await person.types(` way${ENTER}`, /^unreachable>$/);
    assert.ok(server.received.some((args) => args.join(' ') === 'SET half way'));
  });

  it('goes on with the next line after an open quote or a backslash', async () => {
    await person.types(`SET a "one${ENTER}`, '...');
    await person.types(`two" \\${ENTER}`, '...');
    await person.types(`NX${ENTER}`, 'n1 leader t7>');
    const set = server.received.find(([name]) => name === 'SET');
    assert.deepEqual(set, ['SET', 'a', 'one\ntwo', 'NX']);
  });

  it('is binary-safe, both ways', async () => {
    await person.types(
      `SET "\\x00\\xff" 'it\\'s'${ENTER}GET "\\x00\\xff"${ENTER}`,
      'n1 leader t7>',
    );
    await until(
      () => person.seen.includes('"it\'s"'),
      () => person.seen.join('\n'),
    );
    assert.deepEqual(
      server.received.find(([name]) => name === 'SET'),
      ['SET', '\x00\xff', "it's"],
    );
    await person.types(`SET k "a"b${ENTER}`, 'n1 leader t7>');
    const problem = 'a closing quote must be followed by a space, or be the end';
    assert.equal(person.seen.at(-2), `(error) ${problem}`);
    assert.ok(!server.received.some((args) => args[1] === 'k'));
  });

  it('lets no error act on the terminal', async () => {
    await person.types(`"\\x1b[31m"${ENTER}`, 'n1 leader t7>');
    assert.match(person.seen.at(-2)!, /unknown command '\\x1b\[31m'/);
    assert.ok(!person.io.stdout.text.includes('\x1b[31m'));
  });

  it('Ctrl-C drops the line, whole lines of an unfinished command too', async () => {
    await person.types(`SET a "one${ENTER}two`, '... two');
    await person.types(CTRL_C, 'n1 leader t7>');
    assert.equal(person.seen.at(-2), '... two^C');
    await person.types(`GET a${ENTER}`, 'n1 leader t7>');
    await person.types(CTRL_C, 'n1 leader t7>');
    assert.equal(person.seen.at(-2), 'Ctrl-D or .quit leaves');
    assert.deepEqual(
      server.received.map(([name]) => name).filter((name) => ['SET', 'GET'].includes(name!)),
      ['GET'],
    );
  });

  it('Ctrl-C ends the command that runs, and says what is known of it', async () => {
    node.more = ([name]) => (name === 'STATUS' ? '' : null);
    const sent = (name: string) =>
      until(
        () => server.received.some((args) => args[0] === name),
        () => name,
      );
    person.io.keyboard.write(`INCR a${ENTER}`);
    await sent('INCR');
    await person.types(`typed ahead${CTRL_C}`, 'n1 leader t7>');
    assert.deepEqual(person.seen.slice(-3, -1), [
      '(error) outcome unknown: the command was aborted',
      '  it may or may not have been applied; read before you repeat it',
    ]);
    person.io.keyboard.write(`GET a${ENTER}`);
    await sent('GET');
    await person.types(CTRL_C, 'n1 leader t7>');
    assert.equal(person.seen.at(-2), '(error) interrupted; nothing was applied');
  });

  it('shows what is typed while a command runs only at the next prompt', async () => {
    node.held = '';
    const lines = ['.timer on', 'SET slow 1', 'SET b 2', 'GET b', 'hal'];
    await person.types(lines.join(ENTER), '');
    await until(
      () => server.received.some((args) => args[1] === 'slow'),
      () => person.seen.join('\n'),
    );
    person.io.keyboard.write('f');
    assert.equal(person.seen.at(-2), 'n1 leader t7> SET slow 1');
    server.say(node.held);
    node.held = null;
    await person.sees('n1 leader t7> half');
    const rows = person.seen.map((row) => row.replace(/^\(\d+\.\d ms\)$/, '(ms)'));
    assert.deepEqual(rows, [
      'n1 leader t7> .timer on',
      'timer on',
      ...['n1 leader t7> SET slow 1', 'OK', '(ms)'],
      ...['n1 leader t7> SET b 2', 'OK', '(ms)'],
      ...['n1 leader t7> GET b', '"2"', '(ms)'],
      'n1 leader t7> half',
    ]);
  });

  it('prints as it is told: .json, .csv, .raw, .mode', async () => {
    const lines = [
      'SET a "b\\"c"',
      '.json',
      'GET a',
      '.csv',
      'GET a',
      '.mode raw',
      'GET a',
      '.mode',
    ];
    await person.types(`${lines.join(ENTER)}${ENTER}`, 'n1 leader t7>');
    await until(
      () => person.seen.at(-2) === 'mode raw',
      () => person.seen.join('\n'),
    );
    const shown = person.seen.filter((row) => /^["b]/.test(row));
    assert.deepEqual(shown, ['"b\\"c"', '"b""c"', 'b"c']);
    await person.types(`.mode jsn${ENTER}`, 'n1 leader t7>');
    assert.deepEqual(person.seen.slice(-3, -1), [
      '(error) a mode is human, raw, json, csv, not jsn',
      '  did you mean `json`?',
    ]);
  });

  it('.help explains, .nodes and .status say how things stand, .connect goes elsewhere', async () => {
    await person.types(`.help${ENTER}`, 'n1 leader t7>');
    const help = person.seen.join('\n');
    for (const word of ['GET', '.timer [on | off]', '.quit', 'Ctrl-C']) {
      assert.ok(help.includes(word), word);
    }
    await person.types(`help cluster${ENTER}`, 'n1 leader t7>');
    assert.ok(person.seen.includes('CLUSTER KEYSLOT key'));
    await person.types(`.nodes${ENTER}.status${ENTER}`, 'n1 leader t7>');
    await until(
      () => person.seen.some((row) => /^keys +3$/.test(row)),
      () => person.seen.join('\n'),
    );
    assert.ok(person.seen.some((row) => /^n1 +\S+ +leader +7 +5 +5/.test(row)));
    const other = new Node();
    other.name = 'm1';
    const elsewhere = await FakeServer.listen(other.answer);
    await person.types(`.connect ${elsewhere.address}${ENTER}`, 'm1 leader t7>');
    await person.types(`SET there 1${ENTER}`, 'm1 leader t7>');
    await until(
      () => elsewhere.received.some(([name]) => name === 'SET'),
      () => 'SET',
    );
    await person.types(`.connect nowhere${ENTER}`, 'm1 leader t7>');
    assert.equal(person.seen.at(-2), '(error) not a node\'s host:port: "nowhere"');
    await elsewhere.close();
  });

  it("Tab completes commands, their words, and the prompt's own commands", async () => {
    await person.types(`exi${TAB}`, 'n1 leader t7> exists');
    await person.types(`${CTRL_C}CLUSTER KEYS${TAB}k${ENTER}`, 'n1 leader t7>');
    await person.types(`.stat${TAB}`, 'n1 leader t7> .status');
    await person.types(`${CTRL_C}SET k v IFE${TAB}`, 'n1 leader t7> SET k v IFEQ');
    person.io.keyboard.write(`${CTRL_C}INC${TAB}${TAB}`);
    await until(
      () => person.seen.some((row) => /^INCR +INCRBY/.test(row)),
      () => person.seen.join('\n'),
    );
    assert.ok(server.received.some((args) => args.join(' ') === 'CLUSTER KEYSLOT k'));
  });

  it('Tab completes keys, quoted where they need it, and asks no longer than it may', async () => {
    const found: Record<string, string[]> = { 'us*': ['users', 'us er'], 'user*': ['users'] };
    node.more = ([name, cursor, , pattern = '']) => {
      if (name !== 'SCAN') return '';
      if (pattern === 'slow*') return null;
      const keys = cursor === '0' ? (found[pattern] ?? []) : ['usual'];
      const next = pattern === 'us*' && cursor === '0' ? '17' : '0';
      return `*2\r\n${bulk(next)}*${keys.length}\r\n${keys.map(bulk).join('')}`;
    };
    await person.types(`GET user${TAB}`, 'n1 leader t7> GET users');
    person.io.keyboard.write(`${CTRL_C}GET us${TAB}${TAB}`);
    await until(
      () => person.seen.some((row) => /^"us er" +users +usual$/.test(row)),
      () => person.seen.join('\n'),
    );
    const startedMs = performance.now();
    await person.types(`${CTRL_C}GET slow${TAB}er`, 'n1 leader t7> GET slower');
    assert.ok(performance.now() - startedMs < 1500);
    const scans = server.received.filter(([name]) => name === 'SCAN');
    assert.deepEqual(scans[0]!.slice(0, 4), ['SCAN', '0', 'MATCH', 'user*']);
  });

  it('a cluster without SCAN is asked once', async () => {
    await person.types(`GET us${TAB}${TAB}er${TAB}s`, 'n1 leader t7> GET users');
    assert.equal(server.received.filter(([name]) => name === 'SCAN').length, 1);
  });

  it('keeps a history, for its owner only, without secrets and without what starts with a space', async () => {
    const typed = [
      'SET a 1',
      ' SET b 2',
      'AUTH hunter2',
      'hello 3 auth me hunter2',
      'SET c "x',
      'y"',
      'GET a',
      'GET a',
    ];
    await person.types(`${typed.join(ENTER)}${ENTER}`, 'n1 leader t7>');
    await until(
      () => server.received.filter(([name]) => name === 'GET').length === 2,
      () => person.seen.join('\n'),
    );
    await person.leaves();
    assert.equal(readFileSync(historyFile, 'utf8'), 'SET a 1\nSET c "x\\ny"\nGET a\n');
    assert.equal(statSync(historyFile).mode & 0o777, 0o600);
    assert.equal(statSync(join(historyFile, '..')).mode & 0o777, 0o700);

    const next = new Person(server.address, historyFile);
    await next.sees('n1 leader t7>');
    await next.types(UP, 'n1 leader t7> GET a');
    await next.types(UP, 'n1 leader t7> SET c "x\\ny"');
    await next.types(`${CTRL_C} GET hidden${ENTER}`, 'n1 leader t7>');
    await next.types(`auth hunter2${ENTER}`, 'n1 leader t7>');
    await next.types(UP, 'n1 leader t7> GET a');
    await next.types(CTRL_C, 'n1 leader t7>');
    await next.leaves();
  });

  it("keeps none where the file is empty, and lives where it can't", async () => {
    const none = new Person(server.address, '');
    await none.sees('n1 leader t7>');
    await none.types(`GET a${ENTER}`, 'n1 leader t7>');
    await none.leaves();
    const broken = new Person(server.address, '/dev/null/history');
    await broken.sees('n1 leader t7>');
    await broken.types(`GET a${ENTER}GET b${ENTER}`, 'n1 leader t7>');
    await broken.types(UP, 'n1 leader t7> GET b');
    await broken.types(CTRL_C, 'n1 leader t7>');
    await broken.leaves();
    assert.equal(broken.io.stderr.text.match(/no history in/g)?.length, 1, broken.io.stderr.text);
  });

  it('hints at the syntax behind the cursor, in colour only', async () => {
    const bright = new Person(server.address, '');
    delete bright.io.env['NO_COLOR'];
    await bright.sees('n1 leader t7>');
    await bright.types('SET k', /t7> SET k value \[NX \| XX/);
    await bright.types(` v${ENTER}`, 'n1 leader t7>');
    assert.ok(bright.seen.includes('n1 leader t7> SET k v'), bright.seen.join('\n'));
    await bright.leaves();
    await person.types('SET k', 'n1 leader t7> SET k');
  });

  it('ends at SIGTERM, and takes SIGINT for Ctrl-C', async () => {
    await person.types('half', 'n1 leader t7> half');
    person.io.signal('SIGINT');
    await person.sees('n1 leader t7>');
    person.io.signal('SIGTERM');
    assert.equal(await person.done, 0);
  });
});
