import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { VERSION } from '../../src/base/version.ts';
import { ROOT } from './sources.ts';

const read = (file: string) => JSON.parse(readFileSync(join(ROOT, file), 'utf8'));
const manifest = read('package.json');
const lock = read('package-lock.json');

describe('the package', () => {
  it('has no dependency at run time', () => {
    const kinds = ['dependencies', 'peerDependencies', 'optionalDependencies'];
    for (const kind of [...kinds, 'bundleDependencies']) assert.equal(manifest[kind], undefined);
    const atRunTime = Object.entries<{ dev?: boolean }>(lock.packages)
      .filter(([path, { dev }]) => path !== '' && dev !== true)
      .map(([path]) => path);
    assert.deepEqual(atRunTime, []);
  });

  it('has the version that a node tells its clients', () => {
    assert.equal(VERSION, manifest.version);
  });

  it('exports and runs files that the build makes', () => {
    const { exports, bin } = manifest;
    for (const file of [bin.dkvs, exports['./client'].types, exports['./client'].default]) {
      assert.ok(existsSync(join(ROOT, file)), file);
    }
  });

  it('is imported by its name, and holds what the documentation names', async () => {
    // A package may import itself by its name: what a user of it would get.
    const name = 'dkvs/client';
    const library = await import(name);
    const names = [
      'DkvsError',
      'ReplyError',
      'UnavailableError',
      'UnknownOutcomeError',
      'UsageError',
    ];
    assert.deepEqual(Object.keys(library).sort(), [...names, 'connect'].sort());
  });

  it('is locked for every platform: npm ci refuses a lockfile that leaves one out', () => {
    const packages = Object.entries<{ optionalDependencies?: Record<string, string> }>(
      lock.packages,
    );
    const missing = packages
      .flatMap(([, { optionalDependencies = {} }]) => Object.keys(optionalDependencies))
      .filter((name) => lock.packages[`node_modules/${name}`] === undefined);
    assert.deepEqual(missing, []);
  });
});
