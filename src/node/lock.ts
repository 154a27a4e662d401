import fs from 'node:fs';
import path from 'node:path';

/** The right to use a data directory, until released or until this process ends. */
export interface DirectoryLock {
  /** Lets others in at once: without it they find out that this process has ended. */
  release(): void;
}

export interface LockHeld {
  /** A sentence: which process has the directory. */
  readonly heldBy: string;
  readonly pid: number;
}

/** Names a process for ever: process ids repeat (in a container it is always 1). */
interface Owner {
  readonly pid: number;
  /** In clock ticks since the boot, as /proc says; '' where there is no /proc. */
  readonly startTime: string;
  readonly bootId: string;
}

/** `lock.7`: the seventh owner's. */
const LOCK_NAME = /^lock\.(\d{1,15})$/;
/** What a lock names when nobody has the directory. */
const RELEASED = 'released';

/**
 * Keeps two processes out of one directory. The owner's lock is the one with the highest number.
 * Whoever finds that owner gone takes the next number: it can't be made where it exists, so only
 * one can. The highest never goes away, not even at release, so no number is ever taken twice by
 * two that looked at different times. (Node has no flock.)
 *
 * A lock is a symbolic link whose target is no path but the owner's description. So it is whole as
 * soon as it is there; and a target this short needs no block of its own on the usual file systems,
 * so that a node can start on a full disk.
 *
 * Processes see each other where they share a /proc: two containers on one volume do not.
 * @throws what node:fs throws, when the directory can't be written.
 */
export function acquireDirectoryLock(directory: string): DirectoryLock | LockHeld {
  const self = encodeOwner(describeProcess(process.pid));
  for (;;) {
    const highest = highestLock(directory);
    if (highest > 0) {
      const owner = readOwner(lockPath(directory, highest));
      if (owner !== null && isAlive(owner)) {
        return { heldBy: `process ${owner.pid} has the directory ${directory}`, pid: owner.pid };
      }
    }
    const mine = highest + 1;
    if (!makeLock(directory, mine, self)) continue;
    if (highestLock(directory) !== mine) {
      // Others went past while this process looked away: the number was free because it is old.
      fs.unlinkSync(lockPath(directory, mine));
      continue;
    }
    removeLocksBelow(directory, mine);
    return { release: () => release(directory, mine) };
  }
}

/**
 * The process that has the directory now; null when none has, or none can be seen from here.
 * Changes nothing, so the answer may be old when it arrives.
 */
export function lockHolder(directory: string): number | null {
  const owner = readOwner(lockPath(directory, highestLock(directory)));
  return owner !== null && isAlive(owner) ? owner.pid : null;
}

function release(directory: string, number: number): void {
  makeLock(directory, number + 1, RELEASED);
  removeLocksBelow(directory, number + 1);
}

function lockPath(directory: string, number: number): string {
  return path.join(directory, `lock.${number}`);
}

/** False when there is such a lock already. */
function makeLock(directory: string, number: number, owner: string): boolean {
  try {
    fs.symlinkSync(owner, lockPath(directory, number));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function lockNumbers(directory: string): number[] {
  return fs.readdirSync(directory).map((name) => Number(LOCK_NAME.exec(name)?.[1] ?? 0));
}

function highestLock(directory: string): number {
  return Math.max(0, ...lockNumbers(directory));
}

function removeLocksBelow(directory: string, number: number): void {
  for (const other of lockNumbers(directory)) {
    if (other > 0 && other < number) fs.rmSync(lockPath(directory, other), { force: true });
  }
}

/** `PID:STARTTIME:BOOTID`: at most 56 bytes. Up to 59, ext4 keeps a target in the inode. */
function encodeOwner({ pid, startTime, bootId }: Owner): string {
  return `${pid}:${startTime}:${bootId}`;
}

/** Null when the lock names nobody: released, or gone. */
function readOwner(lock: string): Owner | null {
  try {
    const [, pid, startTime, bootId] = /^(\d+):(\d*):(.*)$/.exec(fs.readlinkSync(lock)) ?? [];
    if (pid === undefined) return null;
    return { pid: Number(pid), startTime: startTime!, bootId: bootId! };
  } catch {
    return null;
  }
}

/** Whether this very process still runs, not only one with its number. */
function isAlive(owner: Owner): boolean {
  const now = describeProcess(owner.pid);
  if (owner.bootId !== now.bootId) return false;
  if (owner.startTime !== '') return owner.startTime === now.startTime;
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function describeProcess(pid: number): Owner {
  // Field 22 of /proc/PID/stat; the second field, the name in brackets, may hold anything.
  const stat = readProc(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const isZombie = fields[0] === 'Z';
  return {
    pid,
    startTime: stat === '' || isZombie ? '' : (fields[19] ?? ''),
    bootId: readProc('/proc/sys/kernel/random/boot_id').trim(),
  };
}

function readProc(file: string): string {
  try {
    return fs.readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
