import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { acquireDirectoryLock, type DirectoryLock } from '../../src/node/lock.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dkvs-lock-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function acquire(): DirectoryLock {
  const lock = acquireDirectoryLock(directory);
  assert.ok('release' in lock, JSON.stringify(lock));
  return lock;
}

describe('the lock of a data directory', () => {
  it('keeps a second owner out, by the id of the first, until it is released', () => {
    for (let i = 0; i < 3; i++) {
      const lock = acquire();
      const held = acquireDirectoryLock(directory);
      assert.ok('pid' in held);
      assert.equal(held.pid, process.pid);
      assert.match(
        held.heldBy,
        new RegExp(`process ${process.pid} has the directory ${directory}`),
      );
      lock.release();
    }
    assert.equal(readdirSync(directory).length, 1);
  });

  it('falls to the next when its owner has ended, however it ended', async () => {
    const ended = spawn(process.execPath, ['-e', '']);
    const { pid } = ended;
    acquire();
    const mine = readlinkSync(join(directory, 'lock.1'));
    await once(ended, 'exit');
    rmSync(join(directory, 'lock.1'));
    symlinkSync(mine.replace(/^\d+/, String(pid)), join(directory, 'lock.7'));
    acquire();
    assert.deepEqual(readdirSync(directory), ['lock.8']);
  });

  it('knows a process from another that has its number', () => {
    acquire();
    const [pid, start, boot] = readlinkSync(join(directory, 'lock.1')).split(':');
    for (const other of [`${pid}:${start}9:${boot}`, `${pid}:${start}:another-boot`]) {
      rmSync(join(directory, readdirSync(directory)[0]!));
      symlinkSync(other, join(directory, 'lock.1'));
      acquire();
      assert.deepEqual(readdirSync(directory), ['lock.2']);
    }
  });

  it('goes to one of many that find a dead owner at once', async () => {
    symlinkSync('999999:1:none', join(directory, 'lock.3'));
    const module = new URL('../../src/node/lock.js', import.meta.url).href;
    const program =
      `import { acquireDirectoryLock } from ${JSON.stringify(module)};` +
      `const lock = acquireDirectoryLock(${JSON.stringify(directory)});` +
      "console.log('heldBy' in lock ? 'held' : 'mine'); process.stdin.resume();";
    const children = Array.from({ length: 6 }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', program]),
    );
    const answers = await Promise.all(
      children.map(async (child) => String((await once(child.stdout, 'data'))[0])),
    );
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.map((child) => once(child, 'exit')));
    assert.deepEqual(answers.sort(), [...Array(5).fill('held\n'), 'mine\n']);
  });

  it('is short enough to need no block of a disk that may be full', () => {
    acquire();
    // With the longest process id there is.
    const [, ...rest] = readlinkSync(join(directory, 'lock.1')).split(':');
    assert.ok(`4194304:${rest.join(':')}`.length < 60);
  });
});
