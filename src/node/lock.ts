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

/**
 * Keeps two processes out of one directory. The owner's lock is the file with the highest number.
 * Whoever finds that owner gone takes the next number: a link fails where the name exists, so only
 * one can. The highest file never goes away, not even at release, so no number is ever taken
 * twice by two that looked at different times. (Node has no flock.)
 *
 * Processes see each other where they share a /proc: two containers on one volume do not.
 * @throws what node:fs throws, when the directory can't be written.
 */
export function acquireDirectoryLock(directory: string): DirectoryLock | LockHeld {
  const self: Owner = describeProcess(process.pid);
  const draft = path.join(directory, `lock-draft.${process.pid}`);
  for (;;) {
    const highest = highestLock(directory);
    if (highest > 0) {
      const owner = readOwner(path.join(directory, `lock.${highest}`));
      if (owner !== null && isAlive(owner)) {
        return { heldBy: `process ${owner.pid} has the directory ${directory}`, pid: owner.pid };
      }
    }
    fs.writeFileSync(draft, JSON.stringify(self));
    const mine = path.join(directory, `lock.${highest + 1}`);
    const taken = link(draft, mine);
    fs.unlinkSync(draft);
    if (!taken) continue;
    if (highestLock(directory) !== highest + 1) {
      // Others went past while this process looked away: the number was free because it is old.
      fs.unlinkSync(mine);
      continue;
    }
    removeLocksBelow(directory, highest + 1);
    return { release: () => fs.writeFileSync(mine, '') };
  }
}

/**
 * The process that has the directory now; null when none has, or none can be seen from here.
 * Changes nothing, so the answer may be old when it arrives.
 */
export function lockHolder(directory: string): number | null {
  const owner = readOwner(path.join(directory, `lock.${highestLock(directory)}`));
  return owner !== null && isAlive(owner) ? owner.pid : null;
}

function link(from: string, to: string): boolean {
  try {
    fs.linkSync(from, to);
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
    if (other > 0 && other < number) {
      fs.rmSync(path.join(directory, `lock.${other}`), { force: true });
    }
  }
}

/** Null when the file says nothing: released, or gone. */
function readOwner(file: string): Owner | null {
  try {
    const owner: unknown = JSON.parse(fs.readFileSync(file, 'latin1'));
    return isOwner(owner) ? owner : null;
  } catch {
    return null;
  }
}

function isOwner(value: unknown): value is Owner {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, startTime, bootId } = value as Partial<Owner>;
  return Number.isInteger(pid) && typeof startTime === 'string' && typeof bootId === 'string';
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
