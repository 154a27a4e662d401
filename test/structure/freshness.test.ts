import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ROOT } from './sources.ts';

interface Freshness {
  needsInstall(root: string): boolean;
  stampInstall(root: string): void;
  needsBuild(root: string): boolean;
  stampBuild(root: string, hash: string): void;
  sourceHash(root: string): string;
  removeOrphans(root: string): string[];
}

const freshness: Freshness = await import(join(ROOT, 'scripts', 'freshness.mjs'));

describe('what a start has to do first', () => {
  let root: string;

  const write = (path: string, content: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  const build = () => freshness.stampBuild(root, freshness.sourceHash(root));

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'dkvs-fresh-'));
    write('package-lock.json', '{"lock": 1}');
    write('tsconfig.json', '{}');
    write('src/cli/main.ts', 'main');
    write('test/cli/main.test.ts', 'test');
    write('build/src/cli/main.js', 'main');
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('is to install, after a clone, and when the lockfile changed', () => {
    assert.ok(freshness.needsInstall(root));
    mkdirSync(join(root, 'node_modules'));
    assert.ok(freshness.needsInstall(root), 'an install that somebody else made, or broke off');
    freshness.stampInstall(root);
    assert.ok(!freshness.needsInstall(root));
    write('package-lock.json', '{"lock": 2}');
    assert.ok(freshness.needsInstall(root));
  });

  it('is to build, after a clone, and when a source, a configuration or a tool changed', () => {
    assert.ok(freshness.needsBuild(root));
    build();
    assert.ok(!freshness.needsBuild(root));
    for (const path of [
      'src/cli/main.ts',
      'test/cli/main.test.ts',
      'bench/main.ts',
      'tsconfig.json',
      'src/new.ts',
    ]) {
      write(path, 'changed');
      assert.ok(freshness.needsBuild(root), path);
      build();
    }
    rmSync(join(root, 'src/new.ts'));
    assert.ok(freshness.needsBuild(root), 'a source is gone');
    build();
    write('package-lock.json', '{"lock": 2}');
    assert.ok(freshness.needsBuild(root), 'another compiler');
    build();
    rmSync(join(root, 'build/src'), { recursive: true });
    assert.ok(freshness.needsBuild(root), 'the output is gone');
  });

  it('is nothing when only times changed', () => {
    build();
    utimesSync(join(root, 'src/cli/main.ts'), new Date(), new Date());
    assert.ok(!freshness.needsBuild(root));
  });

  it('is to build again when a source changed while the build ran', () => {
    const hash = freshness.sourceHash(root);
    write('src/cli/main.ts', 'edited');
    freshness.stampBuild(root, hash);
    assert.ok(freshness.needsBuild(root));
  });

  it('removes what was compiled from a source that is gone, and nothing else', () => {
    const orphans = [
      'build/tests/cli/old.test.js',
      'build/tests/cli/old.test.js.map',
      'build/src/old.d.ts',
      'build/bench/old.js',
    ];
    const kept = ['build/src/cli/main.js', 'build/tests/cli/main.test.js', 'build/tests/data.txt'];
    for (const path of [...orphans, ...kept]) write(path, 'x');
    assert.deepEqual(freshness.removeOrphans(root).sort(), [...orphans].sort());
    for (const path of kept) assert.ok(existsSync(join(root, path)), path);
  });
});
