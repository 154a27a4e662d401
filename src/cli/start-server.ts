import { CliError, ExitCode } from './exit.ts';
import type { StartServer } from './serve-contract.ts';

/** The server behind `dkvs serve`. */
export const startServer: StartServer = () =>
  Promise.reject(new CliError(ExitCode.Other, 'this build has no server'));
