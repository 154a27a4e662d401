import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MIB = 1024 * 1024;

/** A file system in memory, of a few MiB. */
export class SmallDisk {
  readonly path: string;

  constructor(mib: number) {
    this.path = mkdtempSync(join(tmpdir(), 'dkvs-disk-'));
    const { status, stderr } = mount('-t', 'tmpfs', '-o', `size=${mib}m`, 'dkvs', this.path);
    if (status !== 0) rmSync(this.path, { recursive: true });
    assert.equal(status, 0, stderr);
  }

  /** Others take all the room there is left. */
  fill(): void {
    assert.throws(() => writeFileSync(join(this.path, 'others'), Buffer.alloc(64 * MIB)), {
      code: 'ENOSPC',
    });
  }

  grow(mib: number): void {
    assert.equal(mount('-o', `remount,size=${mib}m`, this.path).status, 0);
  }

  remove(): void {
    spawnSync('umount', [this.path]);
    rmSync(this.path, { recursive: true });
  }
}

function mount(...args: string[]): { status: number | null; stderr: string } {
  return spawnSync('mount', args, { encoding: 'utf8' });
}

/** False when this process may mount a file system, else the reason to skip. */
export function missingMount(): string | false {
  const path = mkdtempSync(join(tmpdir(), 'dkvs-disk-'));
  const { status, stderr } = mount('-t', 'tmpfs', '-o', 'size=1m', 'dkvs', path);
  if (status === 0) spawnSync('umount', [path]);
  rmSync(path, { recursive: true });
  return status === 0 ? false : `no file system can be mounted here: ${stderr}`;
}
