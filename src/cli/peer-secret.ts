import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { usageError } from './exit.ts';

/** Shorter ones can be guessed from one recorded handshake, offline. */
const SECRET_BYTES_MIN = 16;
const SECRET_BYTES_MAX = 4096;
const MAKE_ONE = 'make one: head -c 32 /dev/urandom | base64 > FILE; chmod 600 FILE';

/**
 * Reads the secret that peers share; what space surrounds it does not count, since editors and
 * `echo` end files with a line feed.
 * @throws CliError
 */
export function readPeerSecret(file: string): Uint8Array {
  let text: string;
  try {
    // Latin-1: any bytes are a secret.
    text = readFileSync(file, 'latin1').trim();
  } catch (error) {
    throw usageError(`can't read --peer-secret-file: ${(error as Error).message}`, MAKE_ONE);
  }
  if (text.length >= SECRET_BYTES_MIN && text.length <= SECRET_BYTES_MAX) {
    return new Uint8Array(Buffer.from(text, 'latin1'));
  }
  throw usageError(
    `the peer secret in ${file} has ${text.length} bytes: it must have ${SECRET_BYTES_MIN} to ${SECRET_BYTES_MAX}`,
    MAKE_ONE,
  );
}

/** The file of the secret of a local cluster: made once, for its owner's eyes only. */
export function localPeerSecret(directory: string): string {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, 'peer-secret');
  try {
    writeFileSync(file, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return file;
}
