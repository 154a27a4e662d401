import { defaultLimits } from '../../base/limits.ts';
import { NodeDisk } from '../../node/disk.ts';
import { acquireDirectoryLock } from '../../node/lock.ts';
import { acceptDataLoss } from '../../storage/accept.ts';
import { isRefusal } from '../../storage/refusal.ts';
import { CliError, ExitCode, usageError } from '../exit.ts';
import { type Io, paint } from '../io.ts';
import { openToRead } from './directory.ts';

const PRICE =
  'what this node once acknowledged and lacks now may have been acknowledged to clients too: it is ' +
  'lost if no sound member has it. Only when too few sound members are left for a majority; then the ' +
  'suspect with the highest last entry, and no more of them than a majority needs';

/** Makes a suspect a full member again, on the operator's word: docs/suspect-mode.md. */
export function runAccept(directory: string, dataLoss: boolean, io: Io): number {
  if (!dataLoss) {
    throw usageError(`the price is data: ${PRICE}`, `dkvs wal accept ${directory} --data-loss`);
  }
  openToRead(directory);
  const lock = acquireDirectoryLock(directory);
  if ('heldBy' in lock) {
    throw new CliError(ExitCode.Other, `${lock.heldBy}: stop it first`);
  }
  try {
    const accepted = acceptDataLoss(new NodeDisk(directory), defaultLimits.segmentBytes);
    if (isRefusal(accepted)) {
      throw new CliError(ExitCode.Other, accepted.message, accepted.remedy);
    }
    const { lastIndex, rot } = accepted.recovered;
    if (!accepted.wasSuspect) {
      io.stdout.write(`${accepted.name} is no suspect: nothing to accept\n`);
      return ExitCode.Ok;
    }
    const kept = rot === null || rot.kept.length === 0 ? '' : `; kept as ${rot.kept.join(', ')}`;
    const word = paint(io, io.stdout, 'red', 'accepted');
    io.stdout.write(
      `${word}: ${accepted.name} takes its log up to entry ${lastIndex} for whole${kept}\n` +
        `  The price: ${PRICE}.\n`,
    );
    return ExitCode.Ok;
  } finally {
    lock.release();
  }
}
