import { EMPTY_BYTES } from '../../base/bytes.ts';
import type { DurableChange } from '../observer.ts';

interface DurableFile {
  /** With room to grow; zeros from `size` on. */
  bytes: Uint8Array;
  size: number;
  /** The first `size` of the bytes: asked for far more often than it changes. */
  view: Uint8Array;
}

/** The bytes that a crash now would leave of each file, by inode. */
export class DurableFiles {
  private readonly files = new Map<number, DurableFile>();
  private names: ReadonlyMap<string, number> = new Map();

  /** @returns where the first byte of what there was stands that is no longer what it was; Infinity:
   *  nowhere. */
  change({ inode, offset, bytes, size }: DurableChange): number {
    let file = this.files.get(inode);
    if (file === undefined) {
      file = { bytes: EMPTY_BYTES, size: 0, view: EMPTY_BYTES };
      this.files.set(inode, file);
    }
    if (size > file.bytes.length) {
      const grown = new Uint8Array(Math.max(size, 2 * file.bytes.length));
      grown.set(file.bytes.subarray(0, file.size));
      file.bytes = grown;
    }
    // What is appended changes nothing that was there, and most of it is a segment's zeros.
    const known = Math.min(bytes.length, file.size - offset);
    let first = size < file.size ? size : Number.POSITIVE_INFINITY;
    if (size < file.size) file.bytes.fill(0, size, file.size);
    file.size = size;
    for (let at = 0; at < known; at++) {
      if (file.bytes[offset + at] === bytes[at]) continue;
      first = Math.min(first, offset + at);
      break;
    }
    file.bytes.set(bytes, offset);
    if (file.view.length !== size || file.view.buffer !== file.bytes.buffer) {
      file.view = file.bytes.subarray(0, size);
    }
    return first;
  }

  /** @param names stay as they are. */
  directory(names: ReadonlyMap<string, number>): void {
    const before = this.names;
    this.names = names;
    for (const [name, inode] of before) {
      if (names.get(name) !== inode && !this.isNamed(inode)) this.files.delete(inode);
    }
  }

  /** Of all files. */
  list(): Iterable<string> {
    return this.names.keys();
  }

  /** 0 when there is no such file. */
  inodeOf(name: string): number {
    return this.names.get(name) ?? 0;
  }

  /** A view of the file, valid until it changes; null when there is none of this name. */
  read(name: string): Uint8Array | null {
    const inode = this.names.get(name);
    return inode === undefined ? null : this.bytesOf(inode);
  }

  /** As `read`, of a file that has a name. */
  bytesOf(inode: number): Uint8Array {
    return this.files.get(inode)?.view ?? EMPTY_BYTES;
  }

  private isNamed(inode: number): boolean {
    for (const each of this.names.values()) if (each === inode) return true;
    return false;
  }
}
