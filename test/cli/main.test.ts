import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { CliCommand } from '../../src/cli/command.ts';
import { commandTable, tableOf } from '../../src/cli/commands.ts';
import { main } from '../../src/cli/main.ts';
import { FakeIo } from './fake-io.ts';

const commands = await commandTable.all();

async function dkvs(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = new FakeIo();
  const code = await main(argv, io);
  return { code, out: io.stdout.text, err: io.stderr.text };
}

describe('help', () => {
  it('lists every command, for help, --help and -h', async () => {
    const { code, out } = await dkvs('help');
    assert.equal(code, 0);
    for (const { name, summary } of commands) {
      assert.match(out, new RegExp(`^ {2}${name} +`, 'm'));
      assert.ok(out.includes(summary), name);
    }
    for (const word of ['--help', '-h']) assert.equal((await dkvs(word)).out, out);
  });

  it('of a command shows its usage, an example that starts with it, and its flags', async () => {
    for (const { name, options } of commands) {
      const { code, out } = await dkvs(name, '--help');
      assert.equal(code, 0);
      assert.match(out, new RegExp(`usage: dkvs ${name}`));
      assert.match(out, new RegExp(`Examples\n {2}dkvs ${name}`));
      for (const option of options) assert.ok(out.includes(`--${option.name}`), option.name);
      assert.equal((await dkvs('help', name)).out, out);
    }
  });

  it('fits into 100 columns, and its flags into 80', async () => {
    for (const { name } of commands) {
      const [text, flags] = (await dkvs('help', name)).out.split('\nFlags\n');
      for (const line of text!.split('\n')) assert.ok(line.length <= 100, line);
      for (const line of flags!.split('\n')) assert.ok(line.length <= 80, line);
    }
  });

  it('--version prints the version of the package', async () => {
    assert.match((await dkvs('--version')).out, /^dkvs \d+\.\d+\.\d+\n$/);
  });
});

describe('a usage error', () => {
  const cases: [string[], RegExp][] = [
    [['gte', 'k'], /unknown command "gte"\n {2}did you mean `get`\?/],
    [['stauts'], /did you mean `status`\?/],
    [['cluser'], /did you mean `cluster`\?/],
    [['zzzzzz'], /unknown command "zzzzzz"\n {2}`dkvs --help` lists the commands/],
    [['get', 'k', '--timout', '1s'], /unknown flag --timout\n {2}did you mean `--timeout`\?/],
    [['set', 'k', '--zzzzzzzz'], /to pass it as data, put it behind `--`/],
    [['get', 'k', '--timeout'], /--timeout needs a value: TIME/],
    [['get', 'k', '--json=yes'], /--json takes no value/],
    [['get', 'k', '--timeout', 'soon'], /--timeout must be a time of at least 1 ms.*"soon"/],
    [['get'], /too few arguments\n {2}usage: dkvs get key/],
    [['get', 'a', 'b'], /too many arguments/],
    [['get', 'k', '--connect', 'localhost'], /not a node's host:port: "localhost"/],
    [['cluster', '--nodes', '4'], /a cluster of 4 survives no more.*\n {2}take 1, 3, 5, 7/],
    [['cluster', '--nodes', 'three'], /--nodes must be a whole number from 1 to 7/],
    [['cluster', '--port', '60000'], /above 65535\n {2}take a port up to 55533/],
    [['cluster', 'now'], /takes no argument: now/],
    [['--jsn'], /unknown flag --jsn\n {2}did you mean `--json`\?/],
    [['get', 'k', '--json', '--csv'], /--json and --csv exclude each other/],
    [['status', '--watch=soon'], /--watch must be a time from 0.1 to 3600 seconds.*"soon"/],
    [['completion', 'bsh'], /name one shell\n {2}did you mean `bash`\?/],
  ];
  for (const [argv, expected] of cases) {
    it(`is 2, with a way out: dkvs ${argv.join(' ')}`, async () => {
      const { code, out, err } = await dkvs(...argv);
      assert.equal(code, 2);
      assert.equal(out, '');
      if (!argv.includes('--json')) assert.match(err, expected);
    });
  }

  it('is a JSON object for who asked for JSON', async () => {
    const { err } = await dkvs('get', '--json');
    const hint = 'usage: dkvs get key';
    assert.deepEqual(JSON.parse(err), {
      error: { exitCode: 2, message: 'too few arguments', hint },
    });
  });
});

describe('what is loaded', () => {
  /** All that a compiled module imports, and what those import, but for what is imported later. */
  function loadedWith(start: URL, seen: Set<string> = new Set()): ReadonlySet<string> {
    if (seen.has(start.href)) return seen;
    seen.add(start.href);
    const code = readFileSync(start, 'utf8');
    for (const [, target] of code.matchAll(/^(?:import|export)\b[^'"]*['"](\.[^'"]+)['"]/gm)) {
      loadedWith(new URL(target!, start), seen);
    }
    return seen;
  }

  it('for a command of data is the client, and nothing of the server', () => {
    const seen = new Set<string>();
    for (const module of ['main.js', 'commands/data.js']) {
      loadedWith(new URL(`../../src/cli/${module}`, import.meta.url), seen);
    }
    const files = [...seen];
    assert.ok(
      files.some((file) => file.endsWith('/client/client.js')),
      files.join('\n'),
    );
    const server =
      /\/src\/(raft|storage|replica|sim)\/|supervisor|cli\/commands\/(?!data)|readline/;
    assert.deepEqual(
      files.filter((file) => server.test(file)),
      [],
    );
  });
});

describe('to run one command', () => {
  it('the others are not loaded', async () => {
    const table = { find: commandTable.find, all: () => assert.fail('all were loaded') };
    const io = new FakeIo();
    io.env['DKVS_CONNECT'] = '127.0.0.1:1';
    io.env['DKVS_TIMEOUT'] = '1ms';
    assert.equal(await main(['get', 'k'], io, table), 5);
  });
});

describe('a bug', () => {
  it('is exit code 1, with its stack', async () => {
    const broken: CliCommand = {
      ...commands[0]!,
      name: 'broken',
      run: () => Promise.reject(new TypeError('oh')),
    };
    const io = new FakeIo();
    assert.equal(await main(['broken'], io, tableOf([broken])), 1);
    assert.match(io.stderr.text, /TypeError: oh\n +at /);
  });
});
