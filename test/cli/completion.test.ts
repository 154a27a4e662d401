import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { commandTable } from '../../src/cli/commands.ts';
import { main } from '../../src/cli/main.ts';
import { missingTool } from '../tools.ts';
import { FakeIo } from './fake-io.ts';

async function scriptFor(shell: string): Promise<string> {
  const io = new FakeIo();
  assert.equal(await main(['completion', shell], io), 0);
  return io.stdout.text;
}

/** What a program prints for this text on its standard input. */
function printed(program: readonly [string, ...string[]], text: string): Promise<string> {
  const [name, ...args] = program;
  return new Promise((resolve, reject) => {
    const child = spawn(name, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      out += chunk;
    });
    child.on('error', reject).on('close', () => resolve(out));
    child.stdin.end(text);
  });
}

const words = (text: string): readonly string[] => text.trim().split(/\s+/).sort();

/** A line as it is typed, the word to complete last; and some of what it must offer, or all of it. */
const cases: readonly [string, readonly string[]][] = [
  ['dkvs sta', ['status']],
  ['dkvs mon', ['monitor']],
  ['dkvs get --js', ['--json']],
  ['dkvs --connect x status --wa', ['--watch']],
  ['dkvs wal ver', ['verify']],
  ['dkvs set k v IF', ['IFDEQ', 'IFDNE', 'IFEQ', 'IFNE']],
  ['dkvs help incr', ['incr', 'incrby', 'incrbyfloat']],
  ['dkvs completion f', ['fish']],
  ['dkvs serve --data /etc/host', ['/etc/hostname', '/etc/hosts']],
  ['dkvs get --connect ', []],
];

describe('the completion script', () => {
  it('of bash completes commands, flags, words and files', {
    skip: missingTool('bash'),
  }, async () => {
    const ask = ([line]: readonly [string, readonly string[]]) => {
      // As bash splits what is typed.
      const typed = line.split(/ |(=)/).filter((word) => word !== undefined);
      const array = typed.map((word) => `'${word}'`).join(' ');
      return `COMP_WORDS=(${array}); COMP_CWORD=${typed.length - 1}; _dkvs; echo "\${COMPREPLY[*]}"`;
    };
    const all = [...cases, ['dkvs --timeout=1s sta', ['status']] as const];
    const script = `${await scriptFor('bash')}\n${all.map(ask).join('\n')}\n`;
    const lines = (await printed(['bash', '--norc'], script)).split('\n');
    all.forEach(([line, expected], i) => {
      const offered = lines[i]!.split(' ').filter((word) => word !== '');
      if (line.includes('/etc')) assert.ok(offered.includes('/etc/hosts'), lines[i]);
      else assert.deepEqual([...offered].sort(), expected, line);
    });
  });

  it('of fish does too', { skip: missingTool('fish') }, async () => {
    const script = `${await scriptFor('fish')}
${cases.map(([line]) => `echo (complete -C '${line}' | string replace -r '\\t.*' '')`).join('\n')}`;
    // fish reads no script from a socket, which a pipe of Node's is.
    const directory = mkdtempSync(join(tmpdir(), 'dkvs-fish-'));
    const file = join(directory, 'script.fish');
    writeFileSync(file, script);
    const lines = (await printed(['fish', '--no-config', file], '')).split('\n');
    rmSync(directory, { recursive: true });
    cases.forEach(([line, expected], i) => {
      if (line.includes('/etc')) assert.ok(words(lines[i]!).includes('/etc/hosts'), lines[i]);
      else if (expected.length > 0) assert.deepEqual(words(lines[i]!), expected, line);
    });
  });

  it('of zsh hands zsh the commands and the flags', { skip: missingTool('zsh') }, async () => {
    // What zsh itself would do with them takes a terminal, and time.
    const script = `compdef() { print "compdef $*" }
_arguments() { if [[ $1 == -C ]]; then state=$wanted; else print -rl -- "$@"; fi }
_describe() { print -rl -- $commands }
${await scriptFor('zsh')}
wanted=command; _dkvs; wanted=arguments; words=(status); _dkvs; words=(wal); _dkvs`;
    const lines = (await printed(['zsh', '-f'], script)).split('\n');
    assert.equal(lines[0], 'compdef _dkvs dkvs');
    for (const { name, summary } of await commandTable.all()) {
      assert.ok(lines.includes(`${name}:${summary}`), name);
    }
    assert.ok(lines.some((line) => line.startsWith('--watch=-[')));
    assert.ok(lines.includes('*:argument:(dump verify accept)'));
  });

  it('names every command and every flag, in each shell', async () => {
    const commands = await commandTable.all();
    for (const shell of ['bash', 'zsh', 'fish']) {
      const script = await scriptFor(shell);
      for (const { name, options } of commands) {
        assert.match(script, new RegExp(`\\b${name}\\b`), `${shell}: ${name}`);
        for (const option of options) assert.ok(script.includes(option.name), option.name);
      }
    }
  });
});
