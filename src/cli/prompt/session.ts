import { utf8Decode } from '../../base/utf8.ts';
import type { Argument } from '../../client/client.ts';
import { ReplyError } from '../../client/errors.ts';
import { type Client, connect } from '../../node/client.ts';
import { commands } from '../../protocol/commands.ts';
import type { RespValue } from '../../protocol/resp-reader.ts';
import { CliError, ExitCode } from '../exit.ts';
import { asCliError } from '../failure.ts';
import type { OutputFormat } from '../output.ts';
import { didYouMean } from '../suggest.ts';

/** The first words of all commands: a subcommand's is that of its container. */
export const commandNames: readonly string[] = [
  ...new Set(commands.map(({ name }) => name.split('|')[0]!)),
];

/** A connection to one cluster, and how its replies are to be shown: what a prompt works on. */
export class Session {
  client: Client;
  nodes: readonly string[];
  readonly timeoutMs: number;
  format: OutputFormat;
  /** Whether to say how long a command took. */
  isTimed = false;

  /** @throws UsageError unless `nodes` are all `host:port`. */
  constructor(nodes: readonly string[], timeoutMs: number, format: OutputFormat) {
    this.nodes = nodes;
    this.timeoutMs = timeoutMs;
    this.format = format;
    this.client = connect(nodes, { deadlineMs: timeoutMs });
  }

  /** Goes on with another cluster. @throws UsageError, and stays with this one. */
  connectTo(nodes: readonly string[]): void {
    const client = connect(nodes, { deadlineMs: this.timeoutMs });
    this.client.close();
    this.client = client;
    this.nodes = nodes;
  }

  /**
   * Has the cluster run one command.
   * @throws CliError that says what is known of its outcome.
   */
  async run(words: readonly Uint8Array[], signal?: AbortSignal): Promise<RespValue> {
    const name = utf8Decode(words[0]!);
    const request: readonly Argument[] = [name, ...words.slice(1)];
    try {
      return await this.client.command(request, signal === undefined ? {} : { signal });
    } catch (error) {
      if (signal?.aborted && error === signal.reason) {
        throw new CliError(ExitCode.Unavailable, 'interrupted; nothing was applied');
      }
      throw withSuggestion(error, name);
    }
  }

  close(): void {
    this.client.close();
  }
}

function withSuggestion(error: unknown, name: string): unknown {
  const cliError = asCliError(error);
  const isUnknown = error instanceof ReplyError && error.message.startsWith('ERR unknown command');
  if (!isUnknown || !(cliError instanceof CliError)) return cliError;
  const hint = didYouMean(name, commandNames);
  return new CliError(cliError.exitCode, cliError.message, hint);
}
