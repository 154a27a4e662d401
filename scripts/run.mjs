#!/usr/bin/env node
// `npm start`, `npm test`, `npm run demo`, `npm run bench`, `npm run build`, `npm run docs`,
// `npm run mutants`: each works from a fresh checkout. What is missing or stale is installed and built first; what is not costs a few hashes.

import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import {
  checkout,
  needsBuild,
  needsInstall,
  removeOrphans,
  sourceHash,
  stampBuild,
  stampInstall,
} from './freshness.mjs';

const [task = '', ...extra] = process.argv.slice(2);
const bin = (name) => join(checkout, 'node_modules', '.bin', name);

const tasks = {
  start: () => dkvs(['cluster', ...extra]),
  demo: () => dkvs(['demo', ...extra]),
  test,
  bench,
  async build() {},
  docs,
  mutants,
};

async function prepare() {
  if (needsInstall(checkout)) {
    say('installing the development tools (npm ci)');
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
    const flags = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
    const code = await run(npm, flags, { shell: process.platform === 'win32' });
    if (code !== 0) {
      fail(code, [
        'npm ci failed: see above. DKVS needs nothing at run time, but its compiler comes from the',
        'npm registry: is it reachable? If the lockfile is at fault, `npm install` mends it.',
      ]);
    }
    stampInstall(checkout);
  }
  if (needsBuild(checkout)) {
    say('building');
    const hash = sourceHash(checkout);
    removeOrphans(checkout);
    const code = await run(bin('tsc'), ['-b']);
    if (code !== 0) fail(code, ['the build failed: see above']);
    stampBuild(checkout, hash);
  }
}

/** In this process: one less that a Ctrl-C has to pass through. */
async function dkvs(args) {
  const { runProcess } = await import('../build/src/cli/main.js');
  await runProcess(args);
}

async function bench() {
  const { runBenchmark } = await import('../build/bench/main.js');
  process.exitCode = await runBenchmark(extra);
}

/** Writes what is made from the code. */
async function docs() {
  const { commandDocs } = await import('./command-docs.mjs');
  const { commands } = await import('../build/src/protocol/commands.js');
  const { plannedCommands } = await import('../build/src/protocol/commands/planned.js');
  writeFileSync(join(checkout, 'docs', 'commands.md'), commandDocs(commands, plannedCommands));
}

/** Plants bugs in copies of the tree, and sees whether they are caught. */
async function mutants() {
  const { runMutants } = await import('./mutants.mjs');
  process.exitCode = await runMutants(extra);
}

async function test() {
  const lint = await run(bin('biome'), ['check', '--error-on-warnings', '.']);
  // With the compiled tests as working directory, every version of Node finds them by itself. It would
  // leave a core free, and half of two is a lot.
  const cwd = join(checkout, 'build', 'tests');
  const atOnce = `--test-concurrency=${availableParallelism()}`;
  const tests = await run(process.execPath, ['--test', atOnce, ...extra], { cwd });
  if (lint !== 0) fail(lint, ['the tests ran, but `biome check .` complains: see the top']);
  process.exitCode = tests;
}

/**
 * Runs a program to its end, on this terminal. Signals are passed on, since they may come to this
 * process alone; then it is waited for, so that its last words come before the prompt.
 * @returns {Promise<number>} its exit code. If a signal ended it, this process ends by it too.
 */
function run(program, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: checkout, stdio: 'inherit', ...options });
    const pass = (signal) => child.kill(signal);
    process.on('SIGINT', pass).on('SIGTERM', pass);
    const done = () => process.off('SIGINT', pass).off('SIGTERM', pass);
    child.on('error', (error) => {
      done();
      fail(1, [`can't run ${program}: ${error.message}`]);
    });
    child.on('exit', (code, signal) => {
      done();
      if (signal === null) resolve(code ?? 1);
      else process.kill(process.pid, signal);
    });
  });
}

function say(text) {
  process.stderr.write(`dkvs: ${text}\n`);
}

function fail(code, lines) {
  for (const line of lines) say(line);
  process.exit(code);
}

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(1, [`Node ${process.versions.node} is too old: DKVS needs 20.19 or newer`]);
}
if (!Object.hasOwn(tasks, task)) {
  fail(2, [`usage: node scripts/run.mjs ${Object.keys(tasks).join('|')} [ARGUMENTS]`]);
}
await prepare();
await tasks[task]();
