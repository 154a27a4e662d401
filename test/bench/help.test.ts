import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { benchmarkText } from '../../bench/help.ts';
import { benchmarks } from '../../bench/main.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const MAIN = new URL('../../bench/main.js', import.meta.url).href;

function bench(...argv: string[]) {
  const script = `const { runBenchmark } = await import(${JSON.stringify(MAIN)});
    process.exitCode = await runBenchmark(${JSON.stringify(argv)});`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', script],
    { encoding: 'utf8' },
  );
  return { status, stdout, stderr };
}

describe('the benchmarks', () => {
  it('are listed, each with the question that it answers', () => {
    const { status, stdout } = bench('--help');
    assert.equal(status, 0);
    for (const { name, summary } of benchmarks) {
      assert.match(stdout, new RegExp(`^  ${name} +${summary.replace(/[?.]/g, '\\$&')}$`, 'm'));
    }
  });

  it('each have options that their quick run and their examples really name', () => {
    for (const benchmark of benchmarks) {
      const names = benchmark.options.map(({ name }) => name);
      assert.equal(new Set(names).size, names.length, benchmark.name);
      for (const name of Object.keys(benchmark.quick)) assert.ok(names.includes(name), name);
      const asked = benchmark.examples.join(' ').match(/--[a-z]+/g) ?? [];
      for (const flag of asked) {
        const isKnown = [...names, 'data', 'port', 'json'].includes(flag.slice(2));
        assert.ok(isKnown, `${benchmark.name} ${flag}`);
      }
      const text = benchmarkText(benchmark, []);
      for (const name of names) assert.ok(text.includes(`  --${name} `), name);
    }
  });

  it('that are asked for wrongly say what is wrong, and end with 2', () => {
    for (const [argv, said] of [
      [['nonsense'], /there is no benchmark nonsense/],
      [['floor', '--rond', '3'], /unknown flag --rond/],
      [['throughput', '--only', 'nothing like it'], /no case has nothing like it in its name/],
      [['growth', '--part', 'x'], /--part x; there are nodes, keys, log, slow/],
    ] as const) {
      const { status, stdout, stderr } = bench(...argv, ...(argv.length > 1 ? ['--quick'] : []));
      assert.equal(status, 2, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, said);
    }
  });

  it('stand in docs/performance.md', () => {
    const document = readFileSync(join(ROOT, 'docs', 'performance.md'), 'utf8');
    for (const { name } of benchmarks) {
      assert.ok(document.includes(`npm run bench -- ${name}`), name);
    }
  });
});
