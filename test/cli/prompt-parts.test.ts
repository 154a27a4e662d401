import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { main } from '../../src/cli/main.ts';
import { csvReply } from '../../src/cli/output.ts';
import { complete, hintFor } from '../../src/cli/prompt/completion.ts';
import { defaultHistoryFile, History } from '../../src/cli/prompt/history.ts';
import { mayHoldSecret } from '../../src/cli/prompt/secrets.ts';
import { TypeAhead } from '../../src/cli/prompt/type-ahead.ts';
import {
  continued,
  lastWordOf,
  missingOf,
  typedWord,
  wordsOf,
} from '../../src/cli/prompt/words.ts';
import { commands } from '../../src/protocol/commands.ts';
import { FakeIo } from './fake-io.ts';
import { FakeServer, keyspace } from './fake-server.ts';

const bytes = (text: string) => Buffer.from(text);
const texts = (words: readonly Uint8Array[] | null) => words?.map((word) => `${Buffer.from(word)}`);

describe('what is typed', () => {
  it('says whether it goes on', () => {
    const cases: [string, string][] = [
      ['', 'nothing'],
      ['SET a "b"', 'nothing'],
      ['SET a "b', 'quote'],
      ['SET a \'b"', 'quote'],
      ["SET a 'it\\'s", 'quote'],
      ['SET a "b\\"', 'quote'],
      ['SET a \\', 'backslash'],
      ['SET a "b\\', 'backslash'],
      ['SET a "b\\\\', 'quote'],
      ["SET a 'b\\", 'quote'],
      ['SET a "b"c', 'nothing'],
    ];
    for (const [text, expected] of cases) assert.equal(missingOf(text), expected, text);
    assert.equal(continued('SET a \\', 'b'), 'SET a b');
    assert.equal(continued('SET a "b', 'c"'), 'SET a "b\nc"');
  });

  it('is what the server would make of it: a word, typed, is the word', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 12 }), { minLength: 1 }), (words) => {
        const line = words.map(typedWord).join(' ');
        assert.equal(missingOf(line), 'nothing');
        assert.ok(!/[\n\r]/.test(line));
        const back = wordsOf(line)?.map((word) => Buffer.from(word));
        assert.deepEqual(
          back,
          words.map((word) => Buffer.from(word)),
        );
      }),
    );
    assert.equal(typedWord(bytes('grün')), 'grün');
    assert.equal(typedWord(bytes('')), '""');
  });

  it('ends in a word, quoted or not', () => {
    const cases: [string, string[], string, string][] = [
      ['', [], '', ''],
      ['GE', [], 'GE', 'GE'],
      ['GET ', ['GET'], '', ''],
      ['GET "a b', ['GET'], '"a b', 'a b'],
      ['GET "a b" c', ['GET', 'a b'], 'c', 'c'],
    ];
    for (const [text, before, typed, word] of cases) {
      const last = lastWordOf(text)!;
      assert.deepEqual(
        [texts(last.before), last.typed, `${Buffer.from(last.bytes)}`],
        [before, typed, word],
      );
    }
    assert.equal(lastWordOf('GET "a"b c'), null);
  });

  it('is a secret when it may hold one', () => {
    const secrets = [
      'AUTH x',
      'auth "us er" x',
      'AUTH "x',
      '"AUTH" x',
      '\tauth x',
      'HELLO 3 AUTH u p',
      'hello 2 setname x auth u p',
      'ACL SETUSER u >p',
      'CONFIG SET requirepass x',
      'CONFIG SET maxmemory 1 masterauth x',
      'MIGRATE h 1 k 0 1 AUTH2 u p',
    ];
    for (const text of secrets) assert.equal(mayHoldSecret(text), true, text);
    for (const text of ['SET auth 1', 'GET auth', 'HELLO 3', 'CONFIG GET requirepass', '', '"']) {
      assert.equal(mayHoldSecret(text), false, text);
    }
  });
});

describe('completion', () => {
  const source = { commands, dotCommands: ['.help', '.quit'], keys: async () => [bytes('k y')] };
  it('offers what fits where it stands', async () => {
    const cases: [string, string[], string][] = [
      ['exi', ['exists '], 'exi'],
      ['EXI', ['EXISTS '], 'EXI'],
      ['.q', ['.quit '], '.q'],
      ['.help exi', ['exists '], 'exi'],
      ['cluster sh', ['shards '], 'sh'],
      ['GET k', ['"k y" '], 'k'],
      ['DEL a k', ['"k y" '], 'k'],
      ['SET a k', [], 'k'],
      ['SET a b ifn', ['ifne '], 'ifn'],
      ['SET a b ', [], ''],
      ['nonsense x', [], 'x'],
      ['GET "a"b', [], ''],
    ];
    for (const [text, candidates, typed] of cases.slice(0, -1)) {
      assert.deepEqual(await complete(text, source), { candidates, typed }, text);
    }
  });

  it('hints at what may follow', () => {
    const cases: [string, string][] = [
      ['GE', ''],
      ['get', ' key'],
      ['get ', 'key'],
      ['get k', ''],
      ['INCRBY ', 'key increment'],
      ['INCRBY k', ' increment'],
      ['SET k v ', '[NX | XX | IFEQ value | IFNE value | IFDEQ digest | IFDNE digest] [GET]'],
      ['SET k v NX ', '[GET]'],
      ['DEL a b ', '[key ...]'],
      ['cluster keyslot ', 'key'],
      ['nonsense ', ''],
    ];
    for (const [text, hint] of cases) assert.equal(hintFor(text, commands), hint, text);
  });
});

describe('the input of the line editor', () => {
  function typeAhead() {
    const pieces: string[] = [];
    let interrupts = 0;
    const input = new TypeAhead(
      () => interrupts++,
      () => {},
    );
    input.on('data', (piece: Buffer) => {
      pieces.push(`${piece}`);
      if (piece.includes('\r')) input.hold();
    });
    return { input, pieces, interrupts: () => interrupts };
  }
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  it('comes a line at a time, CR LF being one end, in whatever pieces', async () => {
    const { input, pieces } = typeAhead();
    await turn();
    input.type(bytes('one\r\ntwo\r'));
    assert.deepEqual(pieces, ['one\r']);
    input.release();
    assert.deepEqual(pieces, ['one\r', 'two\r']);
    input.type(bytes('\nthree'));
    input.release();
    assert.deepEqual(pieces, ['one\r', 'two\r', 'three']);
  });

  it('waits while a command runs, and Ctrl-C drops it', async () => {
    const { input, pieces, interrupts } = typeAhead();
    await turn();
    input.type(bytes('one\rtwo\rth'));
    input.type(bytes('ree\x03four'));
    assert.equal(interrupts(), 1);
    input.release();
    assert.deepEqual(pieces, ['one\r', 'four']);
    input.type(bytes('\x03'));
    assert.equal(interrupts(), 1, 'the editor takes care of it');
  });
});

describe('the history', () => {
  const directory = mkdtempSync(join(tmpdir(), 'dkvs-history-'));
  after(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'history');
  afterEach(() => {
    for (const name of readdirSync(directory)) rmSync(join(directory, name));
  });
  const open = (path: string | null = file) => {
    return new History(path, (message) => assert.fail(message));
  };

  it('is shared by two prompts: neither takes anything from the other', () => {
    const [one, two] = [open(), open()];
    one.add('GET 1');
    two.add('GET 2');
    one.add('GET 3');
    assert.deepEqual(open().entries, ['GET 3', 'GET 2', 'GET 1']);
    assert.deepEqual(one.entries, ['GET 3', 'GET 1']);
  });

  it('is bounded, and what is full is renamed, not rewritten', () => {
    const history = open();
    const value = 'x'.repeat(4000);
    for (let i = 0; i < 200; i++) history.add(`SET ${i} ${value}`);
    assert.deepEqual(readdirSync(directory).sort(), ['history', 'history.1']);
    const sizes = readdirSync(directory).map((name) => statSync(join(directory, name)).size);
    for (const size of sizes) assert.ok(size < 270_000, String(size));
    assert.ok(open().entries.length > 65, 'what was renamed is read too');
    assert.ok(open().entries[0]!.startsWith('SET 199 '));
    history.add(`SET big ${'x'.repeat(5000)}`);
    assert.ok(open().entries[0]!.startsWith('SET 199 '));
    const inMemory = open(null);
    for (let i = 0; i < 1200; i++) inMemory.add(`GET ${i}`);
    assert.equal(inMemory.entries.length, 1000);
  });

  it("makes a file that others may read its owner's alone", () => {
    writeFileSync(file, 'GET old\nAUTH old\n', { mode: 0o644 });
    const history = open();
    assert.deepEqual(history.entries, ['GET old']);
    history.add('GET new');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.match(readFileSync(file, 'utf8'), /GET new\n$/);
  });

  it('lies in the state directory, else at home', () => {
    assert.equal(defaultHistoryFile({ XDG_STATE_HOME: '/s', HOME: '/h' }), '/s/dkvs/history');
    assert.equal(defaultHistoryFile({ XDG_STATE_HOME: '', HOME: '/h' }), '/h/.dkvs_history');
    assert.equal(defaultHistoryFile({}), null);
  });
});

describe('commands on a pipe', () => {
  let server: FakeServer;
  beforeEach(async () => {
    server = await FakeServer.listen(keyspace());
  });
  afterEach(() => server.close());

  async function pipe(text: string | Uint8Array, ...argv: string[]) {
    const io = new FakeIo();
    io.stdin = Buffer.from(text as string);
    io.env['DKVS_CONNECT'] = server.address;
    const code = await main(argv, io);
    assert.equal(io.listeners, 0);
    return { code, out: io.stdout.bytes.toString('latin1'), err: io.stderr.text };
  }

  it('are run one a line, and answered raw, one a line', async () => {
    const typed = 'SET a "one\\ntwo"\r\n\nGET a\n  GET none\nEXISTS a\nSET b \'x y\'\nGET b';
    const { code, out, err } = await pipe(typed);
    assert.deepEqual([code, err], [0, '']);
    assert.equal(out, 'OK\none\ntwo\n\n1\nOK\nx y\n');
  });

  it('are bytes', async () => {
    const line = Buffer.concat([
      bytes('SET a '),
      Buffer.from([0xff, 0x00, 0x80]),
      bytes('\nGET a'),
    ]);
    assert.equal((await pipe(line)).out, 'OK\n\xff\x00\x80\n');
  });

  it('are all run; the exit code is that of the first that failed', async () => {
    const { code, out, err } = await pipe('SET a 1\nGTE a\nSET b "1\nGET a\n.mode\nquit\nGET a\n');
    assert.equal(code, 2);
    assert.equal(out, 'OK\n1\n');
    assert.equal(
      err,
      "dkvs: line 2: ERR unknown command 'GTE'\n  did you mean `get`?\n" +
        'dkvs: line 3: unbalanced quotes\nmode raw\n',
    );
  });

  it('are answered as JSON or CSV, failures as JSON too', async () => {
    const json = await pipe("SET a '\"'\nGET a\nGET none\nINCRBY n 7\nNO\n", '--json');
    assert.equal(json.out, '"OK"\n"\\""\nnull\n7\n');
    assert.equal(JSON.parse(json.err).error.where, 'line 5');
    const csv = await pipe('GET a\nGET none\nINCRBY n 1\n', '--csv');
    assert.equal(csv.out, '""""\n\n8\n');
  });

  it('may be none', async () => {
    assert.deepEqual(await pipe(''), { code: 0, out: '', err: '' });
  });
});

describe('CSV', () => {
  it('is a row a reply: text quoted, numbers bare, nothing for nothing, lists flat', () => {
    const bulk = (text: string) => ({ kind: 'bulk', bytes: bytes(text) }) as const;
    const nested = { kind: 'array', items: [bulk('b,c'), { kind: 'null' }] } as const;
    const items = [bulk('a"'), nested, { kind: 'integer', value: 7 }, bulk('')] as const;
    assert.equal(`${Buffer.from(csvReply({ kind: 'array', items }))}`, '"a""","b,c",,7,""\n');
  });
});
