import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { CliError, ExitCode, usageError } from '../exit.ts';

/**
 * A file that has its name only once it is whole and durable. Until then it is `FILE.part`, and only
 * its owner may read it: it holds data.
 */
export class PartFile {
  readonly path: string;
  private readonly partPath: string;
  private readonly force: boolean;
  private descriptor: number;
  private length = 0;
  private isOpen = true;

  /**
   * @param force replaces a file of that name, and what another run has left.
   * @throws CliError
   */
  constructor(path: string, force: boolean) {
    this.path = path;
    this.partPath = `${path}.part`;
    this.force = force;
    this.checkTarget();
    if (!force && existsSync(this.partPath)) {
      throw usageError(
        `${this.partPath} exists: another run writes it, or was killed`,
        'take it away if nobody writes it any more, or replace it with --force',
      );
    }
    this.descriptor = this.attempt(() => {
      if (force) rmSync(this.partPath, { force: true });
      return openSync(this.partPath, 'wx', 0o600);
    });
  }

  /** @throws CliError; the part file is gone then. */
  write(bytes: Uint8Array): void {
    this.attempt(() => {
      for (let at = 0; at < bytes.length; ) {
        at += writeSync(this.descriptor, bytes, at, bytes.length - at, this.length + at);
      }
    });
    this.length += bytes.length;
  }

  /** From the start again. */
  clear(): void {
    this.attempt(() => ftruncateSync(this.descriptor, 0));
    this.length = 0;
  }

  /** Durable, then under its name, then that durable too. @throws CliError */
  publish(): void {
    this.checkTarget();
    this.attempt(() => {
      fsyncSync(this.descriptor);
      this.close();
      renameSync(this.partPath, this.path);
      const directory = openSync(dirname(this.path), 'r');
      fsyncSync(directory);
      closeSync(directory);
    });
  }

  /** Nothing is left of it, unless it was published. */
  discard(): void {
    if (!this.isOpen) return;
    this.close();
    rmSync(this.partPath, { force: true });
  }

  private checkTarget(): void {
    if (this.force || !existsSync(this.path)) return;
    throw usageError(`${this.path} exists`, 'name another file, or replace it with --force');
  }

  private close(): void {
    this.isOpen = false;
    closeSync(this.descriptor);
  }

  private attempt<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw new CliError(
        ExitCode.Other,
        `${this.path} can't be written: ${(error as Error).message}`,
      );
    }
  }
}
