import { createInterface, emitKeypressEvents, type Interface } from 'node:readline';
import { byteString } from '../../base/bytes.ts';
import { commands } from '../../protocol/commands.ts';
import { CliError, ExitCode, usageError } from '../exit.ts';
import { asCliError } from '../failure.ts';
import { type Io, isColoured, paint } from '../io.ts';
import { formatAnswer } from '../output.ts';
import { complete, hintFor } from './completion.ts';
import {
  dotCommandNames,
  failureText,
  isDotCommand,
  isLeaving,
  runDotCommand,
} from './dot-commands.ts';
import type { History } from './history.ts';
import { KeyFinder } from './keys.ts';
import { Lookout } from './lookout.ts';
import type { Session } from './session.ts';
import { TypeAhead } from './type-ahead.ts';
import { continued, missingOf, wordsOf } from './words.ts';

/** What stands where the next line of an unfinished command is typed. */
const MORE = '... ';

/**
 * The prompt: node:readline edits the lines, and this gives it a prompt that says who leads, completes
 * commands and keys, keeps the history, and runs what was typed. An error never ends it.
 */
export class Prompt {
  private readonly session: Session;
  private readonly io: Io;
  private readonly history: History;
  private readonly lookout: Lookout;
  private readonly keyFinder = new KeyFinder();
  private readonly input: TypeAhead;
  private readonly readline: Interface;
  /** The list that readline goes through with the arrow keys; null before it first showed it. */
  private readlineHistory: string[] | null = null;
  /** The lines so far of a command that is not complete. */
  private unfinished: string | null = null;
  /** Of the command that runs. */
  private running: AbortController | null = null;
  private isCompleting = false;
  private isHintShown = false;
  private isCancelled = false;
  private isClosed = false;

  constructor(session: Session, io: Io, history: History) {
    this.session = session;
    this.io = io;
    this.history = history;
    const { tty } = io;
    this.input = new TypeAhead(
      () => this.running?.abort(),
      (isRaw) => tty.setRawMode(isRaw),
    );
    this.lookout = new Lookout(session.client, session.nodes, () => this.refreshPrompt());
    emitKeypressEvents(this.input);
    // Around readline's own listener: the hint goes before a key acts, and comes back after.
    this.input.on('keypress', () => this.hideHint());
    this.readline = createInterface({
      input: this.input,
      output: tty.output,
      terminal: true,
      history: [...history.entries],
      historySize: Math.max(1000, history.entries.length),
      completer: (text: string, done: Completed) => void this.complete(text, done),
      crlfDelay: Number.POSITIVE_INFINITY,
    });
    this.input.on('keypress', () => this.showHint());
  }

  /** Runs until whoever types has had enough. @returns the exit code. */
  async run(): Promise<ExitCode> {
    const { input } = this.io.tty;
    const onData = (chunk: Uint8Array | string) => this.input.type(Buffer.from(chunk as string));
    const onEnd = () => this.input.end();
    input.on('data', onData).on('end', onEnd).on('close', onEnd).on('error', onEnd);
    const release = this.io.onStop((signal) => {
      if (signal === 'SIGTERM') this.readline.close();
      else if (this.running !== null) this.running.abort();
      else this.cancelLine();
    });
    try {
      await new Promise<void>((resolve) => this.listen(resolve));
    } finally {
      this.isClosed = true;
      this.running?.abort();
      this.lookout.close();
      release();
      input.off('data', onData).off('end', onEnd).off('close', onEnd).off('error', onEnd);
      input.pause();
    }
    return ExitCode.Ok;
  }

  private listen(left: () => void): void {
    const { readline } = this;
    readline.on('history', (entries: string[]) => {
      // Readline has put the line in by itself. What is kept is decided when the command is whole.
      this.readlineHistory = entries;
      this.showHistory();
    });
    readline.on('line', (line) => this.takeLine(line));
    readline.on('SIGINT', () => this.cancelLine());
    readline.on('close', () => {
      // Ctrl-D leaves the cursor behind the prompt.
      if (!this.isClosed) this.write('\n');
      left();
    });
    this.lookout.look();
    this.ready();
  }

  // What is typed.

  private takeLine(line: string): void {
    if (this.isCancelled) {
      this.isCancelled = false;
      this.unfinished = null;
      this.ready();
      return;
    }
    const text = this.unfinished === null ? line : continued(this.unfinished, line);
    if (missingOf(text) !== 'nothing') {
      this.unfinished = text;
      this.ready();
      return;
    }
    this.unfinished = null;
    this.history.add(text);
    this.showHistory();
    if (text.trim() === '') {
      this.ready();
      return;
    }
    // What is typed from now on waits until there is a prompt again.
    this.input.hold();
    void this.perform(text);
  }

  /** Ctrl-C: what was typed stays to be seen, and is forgotten. */
  private cancelLine(): void {
    const { readline } = this;
    const isEmpty = readline.line === '' && this.unfinished === null;
    readline.write(null, { ctrl: true, name: 'e' });
    this.write('^C');
    this.isCancelled = true;
    readline.write(null, { name: 'return' });
    if (!isEmpty) return;
    this.write(`\r\x1b[J${this.dim('Ctrl-D or .quit leaves')}\n`);
    this.ready();
  }

  private async perform(text: string): Promise<void> {
    const running = new AbortController();
    this.running = running;
    let isLast = false;
    try {
      isLast = await this.runText(text, running.signal);
    } catch (error) {
      this.tell(asCliError(error));
    }
    this.running = null;
    if (this.isClosed) return;
    if (isLast) {
      this.isClosed = true;
      this.readline.close();
      return;
    }
    this.lookout.look();
    this.ready();
    this.input.release();
  }

  /** @returns whether that was the last. */
  private async runText(text: string, signal: AbortSignal): Promise<boolean> {
    const words = wordsOf(text);
    if (words === null) {
      throw usageError('a closing quote must be followed by a space, or be the end');
    }
    const first = byteString(words[0]!);
    if (isLeaving(first)) return true;
    if (isDotCommand(first)) {
      const { client } = this.session;
      const texts = words.map((word) => Buffer.from(word).toString());
      await runDotCommand(this.session, texts, this.io);
      if (this.session.client !== client) {
        this.keyFinder.reset();
        this.lookout.turnTo(this.session.client, this.session.nodes);
      }
      return false;
    }
    await this.runCommand(words, signal);
    return false;
  }

  private async runCommand(words: readonly Uint8Array[], signal: AbortSignal): Promise<void> {
    const { session, io } = this;
    const startedMs = performance.now();
    try {
      io.stdout.write(formatAnswer(words, await session.run(words, signal), session.format));
    } catch (error) {
      this.tell(error);
    }
    const tookMs = performance.now() - startedMs;
    if (session.isTimed) this.write(this.dim(`(${tookMs.toFixed(1)} ms)\n`));
  }

  private tell(error: unknown): void {
    if (error instanceof CliError) {
      this.write(`${paint(this.io, this.io.stdout, 'red', '(error)')} ${failureText(error)}\n`);
      return;
    }
    // Not foreseen, so a bug: whoever reports it needs the stack.
    this.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  }

  // What is shown.

  /** Shows a prompt and takes a line. */
  private ready(): void {
    if (this.isClosed) return;
    this.readline.setPrompt(this.promptText());
    this.readline.prompt();
  }

  /** Somebody else leads: the prompt says so at once, and what is being typed stays. */
  private refreshPrompt(): void {
    const text = this.promptText();
    if (text === this.readline.getPrompt()) return;
    this.readline.setPrompt(text);
    if (this.running !== null || this.isCompleting || this.isClosed) return;
    this.hideHint();
    this.readline.prompt(true);
    this.showHint();
  }

  private promptText(): string {
    if (this.unfinished !== null) return MORE;
    const { seen, hasLooked } = this.lookout;
    const painted = (style: 'green' | 'yellow' | 'red', text: string) =>
      paint(this.io, this.io.stdout, style, text);
    if (seen === null) return hasLooked ? `${painted('red', 'unreachable')}> ` : 'dkvs> ';
    const role = painted(seen.role === 'leader' ? 'green' : 'yellow', seen.role);
    return `${seen.name ?? seen.address} ${role} t${seen.term ?? '?'}> `;
  }

  /** What may follow what was typed, behind the cursor, where there is room for it. */
  private showHint(): void {
    const { readline } = this;
    const isIdle = this.running === null && !this.isCompleting && !this.isClosed;
    this.hideHint();
    const { line, cursor } = readline;
    // In black and white it could not be told from what was typed.
    if (!isIdle || !isColoured(this.io, this.io.stdout) || cursor !== line.length || line === '') {
      return;
    }
    const before = this.unfinished === null ? '' : continued(this.unfinished, '');
    const { rows, cols } = readline.getCursorPos();
    const room = this.io.stdout.columns - cols - 1;
    const hint = rows > 0 ? '' : hintFor(before + line, commands).slice(0, Math.max(0, room));
    if (hint === '') return;
    this.write(`${this.dim(hint)}\x1b[${hint.length}D`);
    this.isHintShown = true;
  }

  private hideHint(): void {
    if (this.isHintShown) this.write('\x1b[K');
    this.isHintShown = false;
  }

  private dim(text: string): string {
    return paint(this.io, this.io.stdout, 'dim', text);
  }

  private write(text: string): void {
    this.io.stdout.write(text);
  }

  private showHistory(): void {
    const shown = this.readlineHistory;
    shown?.splice(0, shown.length, ...this.history.entries);
  }

  // What Tab does.

  private async complete(text: string, done: Completed): Promise<void> {
    this.isCompleting = true;
    const before = this.unfinished === null ? '' : continued(this.unfinished, '');
    const { candidates, typed } = await complete(before + text, {
      commands,
      dotCommands: dotCommandNames,
      keys: (prefix) => this.keyFinder.find(this.session.client, prefix),
    });
    this.isCompleting = false;
    // A word that began on a line before can't be completed on this one.
    done(null, typed.length > text.length ? [[], text] : [[...candidates], typed]);
    // Readline takes it in a moment.
    setImmediate(() => {
      this.refreshPrompt();
      this.showHint();
    });
  }
}

type Completed = (error: null, result: [string[], string]) => void;
