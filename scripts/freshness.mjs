// What has to be redone before a command can run: by content, never by time, since a checkout
// sets all times anew and a branch switch moves them backwards.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LOCK_STAMP = 'node_modules/.dkvs-lock-hash';
const BUILD_STAMP = 'build/.dkvs-source-hash';
const MAIN = 'build/src/cli/main.js';

/** @param {string} root */
export function needsInstall(root) {
  return readStamp(join(root, LOCK_STAMP)) !== lockHash(root);
}

/** Says that what is installed is what the lockfile names. @param {string} root */
export function stampInstall(root) {
  writeFileSync(join(root, LOCK_STAMP), lockHash(root));
}

/** @param {string} root */
export function needsBuild(root) {
  return readStamp(join(root, BUILD_STAMP)) !== sourceHash(root) || !existsSync(join(root, MAIN));
}

/**
 * Says that the build is of these sources.
 * @param {string} root
 * @param {string} hash the `sourceHash` from before the build: an edit during it must not count.
 */
export function stampBuild(root, hash) {
  mkdirSync(join(root, 'build'), { recursive: true });
  writeFileSync(join(root, BUILD_STAMP), hash);
}

/** @param {string} root */
export function lockHash(root) {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
}

/** The hash of everything that the compiler reads, and of its own version. @param {string} root */
export function sourceHash(root) {
  const hash = createHash('sha256').update(lockHash(root));
  const configs = readdirSync(root).filter((name) => /^tsconfig.*\.json$/.test(name));
  const files = ['src', 'bench', 'test'].flatMap((folder) => filesBelow(root, folder));
  for (const file of [...configs, ...files].sort()) {
    const bytes = readFileSync(join(root, file));
    hash.update(`${file}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex');
}

/**
 * Removes compiled files whose source is gone: a deleted test would go on running.
 * @param {string} root
 * @returns {string[]} what was removed
 */
export function removeOrphans(root) {
  const removed = [];
  for (const [output, source] of [
    ['build/src', 'src'],
    ['build/bench', 'bench'],
    ['build/tests', 'test'],
  ]) {
    for (const file of filesBelow(root, output)) {
      const stem = file.slice(output.length).replace(/(\.d)?\.[jt]s(\.map)?$/, '');
      const isCompiled = stem.length < file.length - output.length;
      if (!isCompiled || existsSync(join(root, `${source}${stem}.ts`))) continue;
      rmSync(join(root, file));
      removed.push(file);
    }
  }
  return removed;
}

/**
 * @param {string} root
 * @param {string} folder
 * @returns {string[]} paths from the root
 */
function filesBelow(root, folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(root.length)
        .replace(/^[\\/]/, ''),
    );
}

/** @param {string} file */
function readStamp(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** The root of the checkout that this file is part of. */
export const checkout = dirname(dirname(fileURLToPath(import.meta.url)));
