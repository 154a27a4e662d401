import fs from 'node:fs';
import path from 'node:path';
import { type Disk, type DiskDone, DiskError, type DiskFile } from '../storage/disk.ts';

/** One data directory of the file system. `sim/disk.ts` is its image in the simulated world. */
export class NodeDisk implements Disk {
  private readonly directory: string;
  private readonly flags: 'r' | 'r+';
  /** Of the directory itself: its names are made durable through it. */
  private readonly descriptor: number;

  /**
   * @param directory must exist.
   * @param mode `read` never changes anything, and needs no right to.
   * @throws DiskError
   */
  constructor(directory: string, mode: 'read' | 'write' = 'write') {
    this.directory = directory;
    this.flags = mode === 'read' ? 'r' : 'r+';
    this.descriptor = attempt('open', directory, () => fs.openSync(directory, 'r'));
  }

  list(): readonly string[] {
    return attempt('list', this.directory, () =>
      fs
        .readdirSync(this.directory, { withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => entry.name)
        .sort(),
    );
  }

  open(name: string): DiskFile {
    return this.openFile('open', name, this.flags);
  }

  create(name: string): DiskFile {
    return this.openFile('create', name, 'w+');
  }

  rename(from: string, to: string): void {
    attempt('rename', from, () => fs.renameSync(this.path(from), this.path(to)));
  }

  /** The room of a file is given back when its last descriptor is closed, which takes tens of
   *  milliseconds for one of hundreds of mebibytes: so that is not done on this thread. */
  remove(name: string): void {
    attempt('remove', name, () => {
      const descriptor = fs.openSync(this.path(name), 'r');
      fs.unlinkSync(this.path(name));
      fs.close(descriptor, () => {});
    });
  }

  removeIfThere(name: string): void {
    try {
      this.remove(name);
    } catch (error) {
      if (!(error instanceof DiskError) || error.code !== 'ENOENT') throw error;
    }
  }

  syncDirectorySync(): void {
    attempt('sync', this.directory, () => fs.fsyncSync(this.descriptor));
  }

  syncDirectory(done: DiskDone): void {
    fs.fsync(this.descriptor, (error) => done(diskError(error, 'sync', this.directory)));
  }

  /** Lets go of the directory. Files that are open stay open. */
  close(): void {
    fs.closeSync(this.descriptor);
  }

  private openFile(operation: string, name: string, flags: string): DiskFile {
    const descriptor = attempt(operation, name, () => fs.openSync(this.path(name), flags, 0o600));
    return new NodeFile(name, descriptor);
  }

  private path(name: string): string {
    return path.join(this.directory, name);
  }
}

class NodeFile implements DiskFile {
  readonly name: string;
  private readonly descriptor: number;

  constructor(name: string, descriptor: number) {
    this.name = name;
    this.descriptor = descriptor;
  }

  size(): number {
    return attempt('size', this.name, () => fs.fstatSync(this.descriptor).size);
  }

  readSync(offset: number, length: number, into?: Uint8Array): Uint8Array {
    const bytes = into !== undefined && into.length >= length ? into : uninitialized(length);
    let have = 0;
    while (have < length) {
      const count = attempt('read', this.name, () =>
        fs.readSync(this.descriptor, bytes, have, length - have, offset + have),
      );
      if (count === 0) break;
      have += count;
    }
    return bytes.subarray(0, have);
  }

  writeSync(offset: number, bytes: Uint8Array): void {
    let written = 0;
    while (written < bytes.length) {
      const count = attempt('write', this.name, () =>
        fs.writeSync(this.descriptor, bytes, written, bytes.length - written, offset + written),
      );
      if (count === 0) throw nothingWritten(this.name);
      written += count;
    }
  }

  syncSync(): void {
    attempt('sync', this.name, () => fs.fdatasyncSync(this.descriptor));
  }

  read(
    offset: number,
    length: number,
    done: (error: DiskError | null, bytes: Uint8Array) => void,
  ): void {
    const bytes = uninitialized(length);
    const readOn = (have: number) => {
      fs.read(this.descriptor, bytes, have, length - have, offset + have, (error, count) => {
        if (error !== null) done(diskError(error, 'read', this.name), bytes.subarray(0, 0));
        else if (count === 0 || have + count === length)
          done(null, bytes.subarray(0, have + count));
        else readOn(have + count);
      });
    };
    readOn(0);
  }

  write(offset: number, bytes: Uint8Array, done: DiskDone): void {
    const writeOn = (written: number) => {
      const rest = bytes.length - written;
      fs.write(this.descriptor, bytes, written, rest, offset + written, (error, count) => {
        if (error !== null) done(diskError(error, 'write', this.name));
        else if (count === rest) done(null);
        else if (count === 0) done(nothingWritten(this.name));
        else writeOn(written + count);
      });
    };
    writeOn(0);
  }

  sync(done: DiskDone): void {
    fs.fdatasync(this.descriptor, (error) => done(diskError(error, 'sync', this.name)));
  }

  close(): void {
    attempt('close', this.name, () => fs.closeSync(this.descriptor));
  }
}

/** Not a Buffer: the `slice` of a Buffer is no copy, and the layers above rely on one. */
function uninitialized(length: number): Uint8Array {
  const { buffer, byteOffset } = Buffer.allocUnsafeSlow(length);
  return new Uint8Array(buffer, byteOffset, length);
}

/** A write that takes nothing and reports nothing would be tried for ever. */
function nothingWritten(file: string): DiskError {
  return new DiskError('EIO', 'write', file, 'no byte was written');
}

function attempt<T>(operation: string, file: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw diskError(error as NodeJS.ErrnoException, operation, file);
  }
}

function diskError(error: null, operation: string, file: string): null;
function diskError(
  error: NodeJS.ErrnoException | null,
  operation: string,
  file: string,
): DiskError | null;
function diskError(error: NodeJS.ErrnoException | null, operation: string, file: string) {
  if (error === null) return null;
  // What has no code of the operating system is a bug, not a fault of the disk.
  if (error.code === undefined || error.errno === undefined) throw error;
  return new DiskError(error.code, operation, file);
}
