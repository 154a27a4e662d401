import { AssertionError } from '../../base/assert.ts';
import { formatAddress } from '../../client/address.ts';
import type { Log, LogLine } from '../../replica/log-line.ts';
import type { CliCommand } from '../command.ts';
import { CliError, ExitCode } from '../exit.ts';
import type { Io, StopSignal } from '../io.ts';
import { logger } from '../log.ts';
import type { RunningServer, ServeSettings, StartServer } from '../serve-contract.ts';
import { logLevelOf, serveOptions, serveSettings } from '../serve-settings.ts';

/** How long a node whose supervisor is gone may take to stop, in ms. */
const ORPHAN_MS = 5000;

export function serveCommand(startServer: StartServer): CliCommand {
  return {
    name: 'serve',
    group: 'cluster',
    summary: 'Runs one node.',
    usage: '--name NAME --cluster MEMBERS --data DIR',
    description: [
      'The same line on every node but for the name. The data directory decides whether it is a',
      'first start. Prints `ready NAME HOST:PORT` on standard output once it takes clients; logs go',
      'to standard error, as JSON lines unless that is a terminal. SIGTERM and SIGINT hand',
      'leadership over, drain and close; a second one exits at once.',
    ],
    examples: [
      'dkvs serve --name n1 --cluster n1=127.0.0.1:7001,n2=127.0.0.1:7002,n3=127.0.0.1:7003 --data n1',
      'dkvs serve --config /etc/dkvs.json --name n2',
    ],
    options: serveOptions,
    async run({ settings, positionals }, io) {
      if (positionals.length > 0) {
        throw new CliError(ExitCode.Usage, `serve takes no argument: ${positionals[0]}`);
      }
      const name = settings.has('name') ? settings.text('name') : '';
      const log = logger(io, name, logLevelOf(settings));
      const serve = serveSettings(settings, log);
      if (serve.members.length % 2 === 0) log(evenSize(serve.members.length));
      // Before the start, so that a stop that comes while it starts isn't lost.
      const stops = new StopRequests(io, settings.flag('supervised'));
      try {
        return await runServer(await started(startServer, serve), serve.name, io, log, stops);
      } finally {
        stops.release();
      }
    },
  };
}

/** What keeps a server from starting is the environment's doing: a sentence, not a stack. */
async function started(startServer: StartServer, settings: ServeSettings): Promise<RunningServer> {
  try {
    return await startServer(settings);
  } catch (error) {
    const isBug = error instanceof AssertionError || error instanceof TypeError;
    if (isBug || !(error instanceof Error)) throw error;
    throw new CliError(ExitCode.Other, error.message);
  }
}

async function runServer(
  server: RunningServer,
  name: string,
  io: Io,
  log: Log,
  stops: StopRequests,
): Promise<number> {
  io.stdout.write(`ready ${name} ${formatAddress(server.address)}\n`);
  const ending = await Promise.race([stops.first, server.failed]);
  if (ending instanceof Error) throw new CliError(ExitCode.Other, ending.message);
  log({
    level: 'info',
    event: 'stopping',
    message: `stopping: ${ending}`,
    fields: { reason: ending },
  });
  const ended = await Promise.race([server.stop(), stops.second, server.failed]);
  if (ended instanceof Error) throw new CliError(ExitCode.Other, ended.message);
  const isClean = ended === undefined;
  const message = isClean ? 'stopped' : 'stopped at once';
  log({ level: 'info', event: 'stopped', message, fields: {} });
  return isClean ? ExitCode.Ok : ExitCode.Other;
}

/** The first and the second request to stop, and who made them. */
class StopRequests {
  readonly first: Promise<string>;
  readonly second: Promise<string>;
  readonly release: () => void;

  constructor(io: Io, isSupervised: boolean) {
    let resolveFirst: (reason: string) => void = () => {};
    let resolveSecond: (reason: string) => void = () => {};
    this.first = new Promise((resolve) => {
      resolveFirst = resolve;
    });
    this.second = new Promise((resolve) => {
      resolveSecond = resolve;
    });
    let signals = 0;
    this.release = io.onStop((signal: StopSignal) => {
      signals++;
      if (signals === 1) resolveFirst(signal);
      else resolveSecond(signal);
    });
    if (isSupervised) {
      io.onStdinEnd(() => {
        resolveFirst('the supervisor is gone');
        // Nobody is left to send a second signal.
        setTimeout(() => resolveSecond('the supervisor is gone'), ORPHAN_MS).unref();
      });
    }
  }
}

function evenSize(size: number): LogLine {
  return {
    level: 'warn',
    event: 'even-size',
    message: `a cluster of ${size} survives no more losses than one of ${size - 1}`,
    fields: { members: size },
  };
}
