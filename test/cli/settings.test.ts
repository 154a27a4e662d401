import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { CliError } from '../../src/cli/exit.ts';
import { isLoopback, parseEndpoint, parseMembers } from '../../src/cli/members.ts';
import { type OptionSpec, parseArguments, resolveSettings } from '../../src/cli/settings.ts';
import { didYouMean, editDistance } from '../../src/cli/suggest.ts';

const option = (name: string, kind: OptionSpec['kind'], fallback?: string): OptionSpec => ({
  name,
  kind,
  placeholder: 'X',
  summary: name,
  ...(fallback === undefined ? {} : { fallback }),
});

const specs = [
  option('data', 'text', './here'),
  option('nodes', 'count', '3'),
  option('timeout', 'duration', '2s'),
  option('cluster', 'text'),
  option('insecure', 'flag'),
  option('config', 'text'),
];

const directory = mkdtempSync(join(tmpdir(), 'dkvs-settings-'));
after(() => rmSync(directory, { recursive: true }));

function config(content: string): string {
  const file = join(directory, 'dkvs.json');
  writeFileSync(file, content);
  return file;
}

function resolve(argv: string[], env: Record<string, string> = {}) {
  const { flags } = parseArguments(argv, specs);
  return resolveSettings(specs, specs, flags, env);
}

/** What a CliError says, with its hint. */
function errorOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof CliError, String(error));
    assert.equal(error.exitCode, 2);
    return `${error.message} | ${error.hint}`;
  }
  return assert.fail('no error');
}

describe('a setting', () => {
  it('comes from flag, then environment, then file, then default', () => {
    const file = config('{"data": "file"}');
    const all = { DKVS_DATA: 'env' };
    assert.equal(resolve(['--data', 'flag', '--config', file], all).text('data'), 'flag');
    assert.equal(resolve(['--config', file], all).text('data'), 'env');
    assert.equal(resolve(['--config', file]).text('data'), 'file');
    assert.equal(resolve([], { DKVS_CONFIG: file }).text('data'), 'file');
    assert.equal(resolve([]).text('data'), './here');
    assert.match(
      errorOf(() => resolve([]).text('cluster')),
      /--cluster is missing/,
    );
  });

  it('in a file may be text, a number, true, or a list', () => {
    const file = config('{"nodes": 5, "insecure": true, "cluster": ["n1=a:1", "n2=b:1"]}');
    const settings = resolve(['--config', file]);
    assert.equal(settings.count('nodes', 1, 7), 5);
    assert.equal(settings.flag('insecure'), true);
    assert.equal(settings.text('cluster'), 'n1=a:1,n2=b:1');
  });

  it('that is unknown is refused, with the nearest', () => {
    const typo = config('{"nodse": 3}');
    assert.match(
      errorOf(() => resolve(['--config', typo])),
      /unknown setting "nodse".*`nodes`/,
    );
    assert.match(
      errorOf(() => resolve([], { DKVS_DAAT: 'x' })),
      /DKVS_DAAT.*`DKVS_DATA`/,
    );
    assert.equal(resolve([], { DKVS_SERVICE_HOST: '10.0.0.1' }).text('data'), './here');
  });

  it('that is malformed is refused, with where it came from', () => {
    assert.match(
      errorOf(() => resolve(['--config', config('[1]')])),
      /one JSON object/,
    );
    assert.match(
      errorOf(() => resolve(['--config', config('{')])),
      /can't read the configuration/,
    );
    assert.match(
      errorOf(() => resolve(['--config', '/nonexistent'])),
      /ENOENT/,
    );
    assert.match(
      errorOf(() => resolve(['--config', config('{"data": {}}')])),
      /must be text/,
    );
    const count = (text: string) =>
      errorOf(() => resolve([], { DKVS_NODES: text }).count('nodes', 1, 7));
    for (const text of ['0', '8', '-1', '1e0', '0x1', ' 1', '']) {
      assert.match(count(text), /^DKVS_NODES must be a whole number from 1 to 7/);
    }
  });

  it('of time takes ms and s', () => {
    const ms = (text: string) => resolve(['--timeout', text]).duration('timeout', 1);
    assert.deepEqual(['500', '500ms', '2s', '1.5s'].map(ms), [500, 500, 2000, 1500]);
    for (const text of ['0', '2m', '-1', '1e3', 's', '99999999s']) errorOf(() => ms(text));
  });
});

describe('a command line', () => {
  it('has flags anywhere, and data that looks like numbers or flags', () => {
    const parsed = parseArguments(['a', '--data=x=y', '-5', '--', '--insecure', '-h'], specs);
    assert.deepEqual(parsed.positionals, ['a', '-5', '--insecure', '-h']);
    assert.deepEqual([...parsed.flags], [['data', 'x=y']]);
  });

  it('keeps every argument behind --, whatever it is', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (data) => {
        assert.deepEqual(parseArguments(['--', ...data], specs).positionals, data);
      }),
    );
  });
});

describe('members', () => {
  it('are name=host:port, with the peer port written out or 10000 higher', () => {
    assert.deepEqual(parseMembers('n1=127.0.0.1:7001,b.c-d_1=[::1]:70@99'), [
      { name: 'n1', host: '127.0.0.1', port: 7001, peerPort: 17_001 },
      { name: 'b.c-d_1', host: '::1', port: 70, peerPort: 99 },
    ]);
  });

  const refused: [string, RegExp][] = [
    ['', /"" is no member.*members look like/],
    ['127.0.0.1:7001', /is no member/],
    ['n1=', /is not host:port/],
    ['n1=h', /is not host:port/],
    ['n1=h:0', /is not host:port/],
    ['n1=h:65536', /is not host:port/],
    ['n1=h:7e3', /is not host:port/],
    ['n1=::1:7001', /is not host:port/],
    ['n 1=h:1', /is no name for a member/],
    [`${'n'.repeat(65)}=h:1`, /is no name for a member/],
    ['n1=h:60000', /70000 .*above 65535.*write it out: h:60000@PEERPORT/],
    ['n1=h:1@0', /"0" is no peer port/],
    ['n1=h:1@1e4', /"1e4" is no peer port/],
    ['n1=h:7001@7001', /can't share a port/],
    ['n1=a:1,n1=b:1', /two members are named n1/],
    ['n1=a:1,n2=a:1', /n1 and n2 would share a:1/],
    ['n1=a:1,n2=a:10001', /n1 and n2 would share a:10001/],
    ['1,2,3,4,5,6,7,8'.replace(/\d/g, 'n$&=h$&:1'), /8 members/],
  ];
  for (const [text, expected] of refused) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.match(
        errorOf(() => parseMembers(text)),
        expected,
      );
    });
  }

  it('listen at an endpoint of the same form', () => {
    assert.deepEqual(parseEndpoint('0.0.0.0:1@2'), { host: '0.0.0.0', port: 1, peerPort: 2 });
  });

  it('are on loopback or not', () => {
    for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost']) assert.ok(isLoopback(host));
    for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.evil.org', 'localhost.evil.org']) {
      assert.ok(!isLoopback(host), host);
    }
  });
});

describe('a suggestion', () => {
  it('counts edits and swaps', () => {
    const pairs: [string, string, number][] = [
      ['', '', 0],
      ['get', 'get', 0],
      ['gte', 'get', 1],
      ['gt', 'get', 1],
      ['stauts', 'status', 1],
      ['kitten', 'sitting', 3],
    ];
    for (const [a, b, distance] of pairs) {
      assert.equal(editDistance(a, b), distance);
      assert.equal(editDistance(b, a), distance);
    }
  });

  it('is only made when something is near', () => {
    assert.equal(didYouMean('statsu', ['set', 'status']), 'did you mean `status`?');
    assert.equal(didYouMean('xyzzy', ['set', 'status']), '');
  });
});
