import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { acquireDirectoryLock, type DirectoryLock } from '../../src/node/lock.ts';

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'dkvs-lock-'));
after(() => fs.rmSync(root, { recursive: true }));
const newDirectory = () => fs.mkdtempSync(path.join(root, 'd'));

function acquired(directory: string): DirectoryLock {
  const lock = acquireDirectoryLock(directory);
  if ('heldBy' in lock) assert.fail(lock.heldBy);
  return lock;
}

const MODULE = new URL('../../src/node/lock.js', import.meta.url).href;
const program = (directory: string, then: string) =>
  `import { acquireDirectoryLock } from ${JSON.stringify(MODULE)};
   const lock = acquireDirectoryLock(${JSON.stringify(directory)});
   console.log('heldBy' in lock ? 'held' : 'mine');
   ${then}`;
const inChild = (directory: string) =>
  spawnSync(process.execPath, ['--input-type=module', '-e', program(directory, '')]);

test('a live owner keeps others out, and is named', () => {
  const directory = newDirectory();
  acquired(directory);
  const second = acquireDirectoryLock(directory);
  assert.ok('heldBy' in second);
  assert.equal(second.pid, process.pid);
  assert.match(second.heldBy, new RegExp(`process ${process.pid} has the directory`));
  assert.equal(inChild(directory).stdout.toString(), 'held\n');
});

test('a released directory is free', () => {
  const directory = newDirectory();
  acquired(directory).release();
  acquired(directory).release();
  assert.equal(fs.readdirSync(directory).length, 1, 'one lock remains, the highest');
});

test('an owner that ended without a word is found out', () => {
  const directory = newDirectory();
  assert.equal(inChild(directory).stdout.toString(), 'mine\n');
  acquired(directory);
});

test('the same process id is not the same process: another start, another boot', () => {
  const change: ((owner: string) => string)[] = [
    (owner) => owner.replace(/:\d*:/, ':1:'),
    (owner) => owner.replace(/:[^:]*$/, ':another'),
  ];
  for (const changed of change) {
    const directory = newDirectory();
    acquired(directory);
    const lock = path.join(directory, 'lock.1');
    const owner = fs.readlinkSync(lock);
    fs.unlinkSync(lock);
    fs.symlinkSync(changed(owner), lock);
    acquired(directory);
    assert.deepEqual(fs.readdirSync(directory), ['lock.2']);
  }
});

test('a lock that names no process is nobody’s', () => {
  const directory = newDirectory();
  fs.writeFileSync(path.join(directory, 'lock.5'), '');
  acquired(directory);
  assert.deepEqual(fs.readdirSync(directory), ['lock.6']);
});

test('a lock is short enough to need no block of a disk that may be full', () => {
  const directory = newDirectory();
  acquired(directory);
  const [, ...rest] = fs.readlinkSync(path.join(directory, 'lock.1')).split(':');
  // With the longest process id there is.
  assert.ok(`4194304:${rest.join(':')}`.length < 60);
});

test('of many processes that find a dead owner at once, one gets the directory', async () => {
  const directory = newDirectory();
  inChild(directory);
  const children = Array.from({ length: 6 }, () =>
    spawn(process.execPath, [
      '--input-type=module',
      '-e',
      program(directory, 'process.stdin.resume();'),
    ]),
  );
  const answers = await Promise.all(
    children.map(async (child) => String((await once(child.stdout, 'data'))[0])),
  );
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(children.map((child) => once(child, 'exit')));
  assert.deepEqual(answers.sort(), [...Array(5).fill('held\n'), 'mine\n']);
});
