/**
 * One data directory, as storage sees it. Real files in `node/disk.ts`, simulated ones in
 * `sim/disk.ts`; both pass the same conformance suite.
 *
 * The synchronous calls are for the start, before anything is served, and for writes that only
 * reach the page cache; they throw a DiskError. The others call back exactly once, later, never
 * before they return. Nothing is durable before the `sync` of the file (and, for a name that
 * appeared, changed or went, of the directory) that was started after it has called back without
 * an error. After a failed sync nothing may be assumed: the process must stop.
 */
export interface Disk {
  /** Names of the files there are, sorted. */
  list(): readonly string[];
  /** Opens an existing file. */
  open(name: string): DiskFile;
  /** Creates an empty file, or empties an existing one. */
  create(name: string): DiskFile;
  /** Replaces `to` if it exists. */
  rename(from: string, to: string): void;
  remove(name: string): void;
  /** As `remove`, but where there is no such file, there is nothing to do. */
  removeIfThere(name: string): void;
  syncDirectorySync(): void;
  syncDirectory(done: DiskDone): void;
}

export interface DiskFile {
  readonly name: string;
  size(): number;
  /** Fewer bytes than asked for only at the end of the file.
   *  @param into where to put them, when it holds `length`: what is answered is a part of it then.
   *  Fresh memory for all of a log costs as much as to read it. */
  readSync(offset: number, length: number, into?: Uint8Array): Uint8Array;
  /** Writes all of it (a short write is continued). Past the end, the gap becomes zeros. */
  writeSync(offset: number, bytes: Uint8Array): void;
  syncSync(): void;
  read(
    offset: number,
    length: number,
    done: (error: DiskError | null, bytes: Uint8Array) => void,
  ): void;
  /** The bytes must not change before `done`. */
  write(offset: number, bytes: Uint8Array, done: DiskDone): void;
  /** fdatasync: the contents, and the size where it changed. */
  sync(done: DiskDone): void;
  close(): void;
}

export type DiskDone = (error: DiskError | null) => void;

/** `code` is the operating system's: EIO, ENOSPC, EROFS, ENOENT, … */
export class DiskError extends Error {
  override readonly name = 'DiskError';
  readonly code: string;
  readonly operation: string;
  readonly file: string;

  constructor(code: string, operation: string, file: string, detail = '') {
    super(`${operation} ${file}: ${code}${detail === '' ? '' : ` (${detail})`}`);
    this.code = code;
    this.operation = operation;
    this.file = file;
  }
}
