import { byteString } from '../../base/bytes.ts';
import type { Argument, Client } from '../../client/client.ts';
import { UnavailableError, UnknownOutcomeError } from '../../client/errors.ts';
import { CliError } from '../exit.ts';
import { asCliError } from '../failure.ts';
import { decodeLine, type Pair } from './json-lines.ts';

/** Lines under way at once. */
const WINDOW_LINES = 256;
const WINDOW_BYTES = 4 * 1024 * 1024;
/** How often a line is sent whose fate is not known, or for which nobody was there. */
const ATTEMPTS_MAX = 10;

export interface ImportCounts {
  /** Acknowledged: durable on a majority. */
  set: number;
  /** With `--nx`: there was such a key, and it stays. */
  kept: number;
  /** With `--nx`: an answer was lost, and then the key was there. Its value may be the old or the new. */
  unsure: number;
}

/**
 * Sets keys, many at a time, each acknowledged. Two lines of one key never are under way together,
 * so the later one wins.
 *
 * What has an unknown outcome is sent again: to set a key to the same value twice is to set it once,
 * unless somebody else writes it in between. That is the one kind of command that may be repeated so,
 * and the client library leaves it to who knows.
 */
export class Importer {
  readonly counts: ImportCounts = { set: 0, kept: 0, unsure: 0 };
  private readonly client: Client;
  private readonly keepsExisting: boolean;
  /** By key, as a byte string. */
  private readonly underway = new Map<string, Promise<void>>();
  private underwayBytes = 0;
  private failure: unknown = null;
  /** A line has ended. */
  private wake = () => {};

  constructor(client: Client, keepsExisting: boolean) {
    this.client = client;
    this.keepsExisting = keepsExisting;
  }

  get done(): number {
    return this.counts.set + this.counts.kept + this.counts.unsure;
  }

  /**
   * Takes the next line; waits while too much is under way.
   * @param number of the line, from 1, for errors.
   * @throws CliError for this line or an earlier one; what is under way should be awaited then.
   */
  async take(line: string, number: number): Promise<void> {
    const pair = decodeLine(line);
    if (typeof pair === 'string') {
      throw new CliError(1, `line ${number}: ${pair}`, 'nothing behind it was sent');
    }
    const name = byteString(pair.key);
    const size = pair.key.length + pair.value.length;
    const isFull = () =>
      this.underway.size >= WINDOW_LINES ||
      (this.underwayBytes > 0 && this.underwayBytes + size > WINDOW_BYTES);
    while (this.failure === null && (isFull() || this.underway.has(name))) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    if (this.failure !== null) throw this.failure;
    this.underwayBytes += size;
    const setting = this.set(pair, number).finally(() => {
      this.underway.delete(name);
      this.underwayBytes -= size;
      this.wake();
    });
    this.underway.set(name, setting);
  }

  /** Waits for all that is under way. @throws CliError when a line failed. */
  async end(): Promise<void> {
    await this.settle();
    if (this.failure !== null) throw this.failure;
  }

  /** Waits for all that is under way, whatever becomes of it. */
  async settle(): Promise<void> {
    await Promise.all(this.underway.values());
  }

  /** Never rejects: the first failure is kept. */
  private async set(pair: Pair, number: number): Promise<void> {
    const { client, counts, keepsExisting } = this;
    const args: Argument[] = ['SET', pair.key, pair.value];
    if (keepsExisting) args.push('NX');
    let isUnsure = false;
    for (let attempt = 1; ; attempt++) {
      try {
        const reply = await client.command(args);
        if (reply.kind === 'simple') counts.set++;
        else if (isUnsure) counts.unsure++;
        else counts.kept++;
        return;
      } catch (error) {
        const isUnknown = error instanceof UnknownOutcomeError;
        const mayRepeat = isUnknown || error instanceof UnavailableError;
        isUnsure ||= isUnknown;
        if (mayRepeat && attempt < ATTEMPTS_MAX && this.failure === null) continue;
        this.failure ??= atLine(number, asCliError(error));
        return;
      }
    }
  }
}

function atLine(number: number, error: unknown): unknown {
  if (!(error instanceof CliError)) return error;
  return new CliError(error.exitCode, `line ${number}: ${error.message}`, error.hint);
}
