import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, it } from 'node:test';
import { paint } from '../../src/cli/io.ts';
import { LivePanel } from '../../src/cli/live-panel.ts';
import { FakeIo, until } from './fake-io.ts';

const row = (name: string, news: string, line: string) => ({ name, news, line });

/** What a terminal shows after these bytes: just the sequences that the panel uses. */
function screen(bytes: string): string[] {
  const lines: string[] = [''];
  let at = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the sequences of a terminal.
  for (const [token] of bytes.matchAll(/\x1b\[\d*[A-Za-z]|\n|[^\x1b\n]+/g)) {
    if (token.endsWith('A') && token.startsWith('\x1b')) at -= Number(token.slice(2, -1));
    else if (token === '\x1b[J') lines.length = at;
    else if (token === '\n') at++;
    else if (!token.startsWith('\x1b')) lines[at] = (lines[at] ?? '') + token;
    lines[at] ??= '';
  }
  return lines;
}

describe('the live panel', () => {
  it('redraws its lines in place on a terminal, and keeps what is said above them', () => {
    const io = new FakeIo().terminal();
    const panel = new LivePanel(io);
    panel.say('hello');
    panel.show([row('a', '', 'a 1'), row('b', '', 'b 1')]);
    panel.show([row('a', '', 'a 2'), row('b', '', 'b 2')]);
    panel.say('n1 is down');
    panel.show([row('a', '', 'a 3')]);
    assert.deepEqual(screen(io.stdout.text), ['hello', 'n1 is down', 'a 3', '']);
    panel.end('stopped');
    assert.deepEqual(screen(io.stdout.text), ['hello', 'n1 is down', 'stopped', '']);
  });

  it('cuts lines that would wrap, colours left out of the count', () => {
    const io = new FakeIo().terminal();
    io.stdout.columns = 10;
    new LivePanel(io).show([
      row('a', '', `${paint(io, io.stdout, 'red', 'down')} ${'x'.repeat(50)}`),
    ]);
    assert.deepEqual(screen(io.stdout.text), ['down xxxx', '']);
  });

  it('prints only what changed elsewhere', () => {
    const io = new FakeIo();
    const panel = new LivePanel(io);
    panel.show([row('a', 'a follows', '1'), row('b', 'b leads', '1')]);
    panel.show([row('a', 'a follows', '2'), row('b', 'b is down', '2')]);
    assert.equal(io.stdout.text, 'a follows\nb leads\nb is down\n');
  });
});

describe('colour', () => {
  it('is for terminals, and not where NO_COLOR or TERM=dumb says so', () => {
    const io = new FakeIo();
    assert.equal(paint(io, io.stdout, 'red', 'x'), 'x');
    io.terminal();
    assert.equal(paint(io, io.stdout, 'red', 'x'), '\x1b[31mx\x1b[0m');
    io.env['NO_COLOR'] = '1';
    assert.equal(paint(io, io.stdout, 'red', 'x'), 'x');
    io.env['NO_COLOR'] = '';
    io.env['TERM'] = 'dumb';
    assert.equal(paint(io, io.stdout, 'red', 'x'), 'x');
  });
});

describe('one Ctrl-C', () => {
  it('counts once when it comes from the terminal and again from npm', async () => {
    const module = new URL('../../src/cli/io.js', import.meta.url).href;
    const script = `
      const { processIo } = await import(${JSON.stringify(module)});
      const io = processIo();
      io.onStop((signal) => io.stdout.write(signal + '\\n'));
      io.onStdinEnd(() => process.exit(0));
      io.stdout.write('ready\\n');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    await until(
      () => out === 'ready\n',
      () => out,
    );
    child.kill('SIGINT');
    await until(
      () => out === 'ready\nSIGINT\n',
      () => out,
    );
    child.kill('SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 350));
    child.kill('SIGTERM');
    await until(
      () => out === 'ready\nSIGINT\nSIGTERM\n',
      () => out,
    );
    child.stdin.end();
    assert.equal(await new Promise((resolve) => child.on('close', resolve)), 0);
  });
});
