import {
  chmodSync,
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { mayHoldSecret } from './secrets.ts';
import { missingOf, typedWord, wordsOf } from './words.ts';

const ENTRIES_MAX = 1000;
const FILE_BYTES_MAX = 256 * 1024;
/** A pasted value is not what anybody looks for in a history. */
const ENTRY_CHARS_MAX = 4096;

/** Where the history is kept unless DKVS_HISTORY_FILE says otherwise; null where there is no home. */
export function defaultHistoryFile(
  env: Readonly<Record<string, string | undefined>>,
): string | null {
  const { XDG_STATE_HOME: state, HOME: home } = env;
  if (state?.startsWith('/')) return join(state, 'dkvs', 'history');
  return home === undefined || home === '' ? null : join(home, '.dkvs_history');
}

/**
 * What was typed, over all prompts: in memory, and in a file that only its owner may read. One entry
 * is one line, appended in one write, so two prompts may use the same file. A file that has become
 * too long becomes `FILE.1`, which is read too; nothing is ever rewritten, so nothing is lost.
 *
 * A history is a convenience: a file that can't be read or written is told of once, and done without.
 */
export class History {
  /** The latest first, as readline has them. */
  readonly entries: string[] = [];
  private file: string | null;
  private readonly onTrouble: (message: string) => void;

  /** @param file null: in memory only. */
  constructor(file: string | null, onTrouble: (message: string) => void) {
    this.file = file;
    this.onTrouble = onTrouble;
    if (file === null) return;
    const lines = [...this.read(`${file}.1`), ...this.read(file)];
    for (const line of lines.slice(-ENTRIES_MAX)) this.remember(line);
  }

  /** Takes a whole typed text, unless it starts with a space, may hold a secret, or is too long. */
  add(text: string): void {
    if (!isKept(text)) return;
    const entry = oneLine(text);
    if (entry === null || entry === this.entries[0]) return;
    this.remember(entry);
    this.append(`${entry}\n`);
  }

  private remember(entry: string): void {
    if (!isKept(entry) || entry === this.entries[0]) return;
    this.entries.unshift(entry);
    this.entries.splice(ENTRIES_MAX);
  }

  private read(file: string): readonly string[] {
    try {
      return readFileSync(file, 'utf8').split('\n');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.giveUp(error);
      return [];
    }
  }

  private append(line: string): void {
    if (this.file === null) return;
    try {
      mkdirSync(dirname(this.file), { recursive: true, mode: 0o700 });
      const handle = openSync(this.file, 'a', 0o600);
      try {
        // One that somebody else made may be open to others.
        if ((fstatSync(handle).mode & 0o077) !== 0) chmodSync(this.file, 0o600);
        writeSync(handle, line);
        if (fstatSync(handle).size >= FILE_BYTES_MAX) renameSync(this.file, `${this.file}.1`);
      } finally {
        closeSync(handle);
      }
    } catch (error) {
      this.giveUp(error);
    }
  }

  private giveUp(error: unknown): void {
    if (this.file === null) return;
    this.onTrouble(`no history in ${this.file}: ${(error as Error).message}`);
    this.file = null;
  }
}

function isKept(text: string): boolean {
  const isBlank = text.trim() === '';
  return (
    !isBlank && !text.startsWith(' ') && text.length <= ENTRY_CHARS_MAX && !mayHoldSecret(text)
  );
}

/** The same command on one line, a line end between quotes written \n; null when that can't be. */
function oneLine(text: string): string | null {
  if (!text.includes('\n')) return missingOf(text) === 'backslash' ? null : text;
  return wordsOf(text)?.map(typedWord).join(' ') ?? null;
}
