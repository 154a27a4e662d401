import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeLine, encodeLine, type Pair } from '../../src/cli/backup/json-lines.ts';
import { linesOf } from '../../src/cli/backup/lines.ts';
import { main } from '../../src/cli/main.ts';
import { backupOf } from './backup-file.ts';
import { FakeIo } from './fake-io.ts';
import { type Answer, FakeServer, keyspace } from './fake-server.ts';

const root = mkdtempSync(join(tmpdir(), 'dkvs-export-'));
after(() => rmSync(root, { recursive: true, force: true }));

const latin1 = (text: string): string => Buffer.from(text).toString('latin1');
const pairs = [
  ['greeting', 'hello'],
  ['__proto__', ''],
  [latin1('Grüße'), latin1('"\n\u2028😀')],
  ['\xff\x00', 'plain'],
  ['half', '\xed\xa0\x80'],
] as const;
const LINES = [
  '{"key":"greeting","value":"hello"}',
  '{"key":"__proto__","value":""}',
  '{"key":"Grüße","value":"\\"\\n\u2028😀"}',
  '{"key64":"/wA=","value":"plain"}',
  '{"key":"half","value64":"7aCA"}',
  '',
].join('\n');
const backup = join(root, 'b');
writeFileSync(backup, backupOf(pairs));

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function dkvs(argv: readonly string[], stdin = ''): Promise<Ran> {
  const io = new FakeIo();
  io.stdin = Buffer.from(stdin);
  const code = await main(argv, io);
  return { code, out: io.stdout.text, err: io.stderr.text };
}

async function importInto(
  answer: Answer,
  lines: string,
  ...flags: string[]
): Promise<Ran & { sent: readonly string[][] }> {
  const server = await FakeServer.listen(answer);
  try {
    const ran = await dkvs(['import', '--connect', server.address, ...flags], lines);
    return { ...ran, sent: server.received.filter(([name]) => name === 'SET') };
  } finally {
    await server.close();
  }
}

const line = (key: string, value: string) => `{"key":"${key}","value":"${value}"}\n`;

describe('dkvs export', () => {
  it('prints a backup, a line of JSON a key, in the order of creation', async () => {
    const { code, out, err } = await dkvs(['export', '--from', backup]);
    assert.equal(code, 0, err);
    assert.equal(out, LINES);
    const file = join(root, 'lines');
    const into = await dkvs(['export', file, '--from', backup]);
    assert.equal(into.err, `${file}: 5 keys\n`);
    assert.equal(readFileSync(file, 'utf8'), LINES);
    const again = await dkvs(['export', file, '--from', backup]);
    assert.equal(again.code, 2);
    assert.match(again.err, /lines exists\n {2}name another file, or replace it with --force/);
    assert.equal((await dkvs(['export', file, '--from', backup, '--force'])).code, 0);
  });

  it('prints nothing of a backup that is damaged, and leaves no file', async () => {
    const bytes = Uint8Array.from(readFileSync(backup));
    bytes[bytes.length - 40]! ^= 1;
    const bad = join(root, 'bad');
    writeFileSync(bad, bytes);
    const { code, out, err } = await dkvs(['export', '--from', bad]);
    assert.deepEqual([code, out], [1, '']);
    assert.match(err, /is no whole backup: block 0 is bad/);
    const file = join(root, 'none');
    assert.equal((await dkvs(['export', file, '--from', bad])).code, 1);
    assert.deepEqual([existsSync(file), existsSync(`${file}.part`)], [false, false]);
  });
});

describe('a line of an export', () => {
  it('is read back as it was, whatever the bytes', () => {
    const odd = fc.constantFrom('a', '"', '\\', '\n', '\0', 'ü', '\u2028', '\ufeff', '😀');
    const field = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 12 }),
      fc.array(odd, { minLength: 1, maxLength: 8 }).map((text) => Buffer.from(text.join(''))),
    );
    fc.assert(
      fc.property(field, field, (key, value) => {
        const text = encodeLine({ key, value });
        assert.equal(text.indexOf('\n'), text.length - 1, 'one line');
        const read = decodeLine(text.slice(0, -1)) as Pair;
        assert.deepEqual([...read.key], [...key]);
        assert.deepEqual([...read.value], [...value]);
      }),
    );
  });

  it('is not taken when it can not mean one thing exactly', () => {
    for (const [text, why] of [
      ['', /no JSON/],
      ['[]', /not an object/],
      ['null', /not an object/],
      ['{"key":"a"}', /no value, and no value64/],
      ['{"value":"a"}', /no key, and no key64/],
      ['{"key":"a","key64":"YQ==","value":""}', /both key and key64/],
      ['{"key":1,"value":""}', /key is no text/],
      ['{"key":"","value":""}', /the key is empty/],
      ['{"key":"a","value":"","ttl":5}', /the field "ttl" is unknown here/],
      ['{"key":"\\ud800","value":""}', /key holds half a character/],
      ['{"key":"a","value64":"YQ="}', /value64 is no base64/],
      ['{"key":"a","value64":"YR=="}', /value64 is no base64/],
      ['{"key":"a","value64":"-_=="}', /value64 is no base64/],
    ] as const) {
      assert.match(decodeLine(text) as string, why, text);
    }
  });

  it('may come in pieces, end with CR LF, and lack the last line end', async () => {
    const text = 'añb\r\n\nlast';
    for (let size = 1; size <= text.length; size++) {
      async function* pieces() {
        const bytes = Buffer.from(text);
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
      }
      const read: string[] = [];
      for await (const { number, text } of linesOf(pieces())) read.push(`${number} ${text}`);
      assert.deepEqual(read, ['1 añb', '2 ', '3 last']);
    }
  });
});

describe('dkvs import', () => {
  it('sets what was exported', async () => {
    const { code, err, sent } = await importInto(keyspace(), LINES);
    assert.equal(code, 0, err);
    assert.equal(err, '5 keys set\n');
    assert.deepEqual(
      sent,
      pairs.map(([key, value]) => ['SET', key, value]),
    );
  });

  it('lets the later of two lines with one key win, also when an answer is lost', async () => {
    const values = keyspace();
    let lost = 0;
    const forgetful: Answer = (args) => {
      const reply = values(args);
      return args[1] === 'same' && lost++ === 0 ? '-UNKNOWN not committed in time\r\n' : reply;
    };
    const keys = Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? 'same' : `k${i}`));
    const lines = keys.map((key, i) => line(key, `${i}`)).join('');
    const { code, sent } = await importInto(forgetful, lines);
    assert.equal(code, 0);
    const same = sent.filter(([, key]) => key === 'same').map(([, , value]) => Number(value));
    assert.deepEqual(same, [0, ...Array.from({ length: 25 }, (_, i) => 2 * i)]);
  });

  it('keeps what is there with --nx, and counts', async () => {
    const values = keyspace();
    values(['SET', 'a', 'old']);
    const ran = await importInto(values, line('a', 'new') + line('b', 'new'), '--nx', '--json');
    assert.deepEqual(JSON.parse(ran.out), { set: 1, kept: 1, unsure: 0 });
    assert.equal(values(['GET', 'a'])!.toString(), '$3\r\nold\r\n');
  });

  it('stops at a malformed line: what stood before is acknowledged, nothing behind it sent', async () => {
    const lines = `${line('a', '1')}${line('b', '2')}{"key":"c"}\n${line('d', '4')}`;
    const { code, err, sent } = await importInto(keyspace(), lines);
    assert.equal(code, 1);
    assert.match(
      err,
      /line 3: no value, and no value64\n {2}2 keys set; nothing behind it was sent\n/,
    );
    assert.deepEqual(
      sent.map(([, key]) => key),
      ['a', 'b'],
    );
    const bytes = Buffer.concat([Buffer.from(line('a', '1')), Buffer.from([0x22, 0xff, 0x0a])]);
    const io = new FakeIo();
    io.stdin = bytes;
    assert.equal(await main(['import', '--connect', '127.0.0.1:1', '--timeout=100ms'], io), 2);
    assert.match(io.stderr.text, /line 2: not UTF-8/);
  });

  it('names the line that is refused', async () => {
    const values = keyspace();
    const refusing: Answer = (args) =>
      args[1] === 'bad' ? '-ERR value is too much\r\n' : values(args);
    const { code, err } = await importInto(refusing, line('a', '1') + line('bad', '2'));
    assert.equal(code, 1);
    assert.match(err, /line 2: ERR value is too much\n {2}1 key set\n/);
  });

  it('sends again what may have been applied, and says where that leaves --nx unsure', async () => {
    const values = keyspace();
    let lost = 0;
    const forgetful: Answer = (args) => {
      const reply = values(args);
      return args[0] === 'SET' && lost++ === 0 ? '-UNKNOWN not committed in time\r\n' : reply;
    };
    const plain = await importInto(forgetful, line('a', '1'));
    assert.deepEqual([plain.code, plain.err, plain.sent.length], [0, '1 key set\n', 2]);
    lost = 0;
    const nx = await importInto(forgetful, line('b', '1'), '--nx', '--json');
    assert.deepEqual(JSON.parse(nx.out), { set: 0, kept: 0, unsure: 1 });
  });
});
