// Where mutants are made: copies of the tree in a folder of their own, which is gone when its process
// is, however that ends.

import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { checkout } from './freshness.mjs';
import { verdictOfSuite } from './mutant-hunt.mjs';

const TREE = ['src', 'bench', 'test', 'bin', 'docs', 'scripts'];
const FILES = /^(package.*|tsconfig.*)\.json$|\.md$/;
const NO_ASSERTIONS = 'no-assertions';
const ASSERT = join('build', 'src', 'base', 'assert.js');
const PROGRAM_MAX_MS = 180_000;
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

export class Lab {
  root = mkdtempSync(join(tmpdir(), 'dkvs-mutants-'));
  /** Aborted when the lab closes: whoever works in it must stop. */
  abort = new AbortController();
  #children = new Set();
  #soundSuites = new Map();
  #onSignal = (signal) => {
    this.close();
    process.exit(SIGNALS[signal]);
  };
  #onExit = () => this.close();

  constructor() {
    for (const signal of Object.keys(SIGNALS)) process.on(signal, this.#onSignal);
    process.on('exit', this.#onExit);
  }

  /** The tree as it is now, built: edits during the run change nothing. What it is built with is not
   *  what `npm run build` has left: types are not checked, those of a mutant may be wrong. */
  async prepare() {
    const { sound } = this;
    mkdirSync(sound);
    for (const part of TREE) cpSync(join(checkout, part), join(sound, part), { recursive: true });
    for (const part of readdirSync(checkout).filter((part) => FILES.test(part))) {
      cpSync(join(checkout, part), join(sound, part));
    }
    symlinkSync(join(checkout, 'node_modules'), join(sound, 'node_modules'));
    await this.#build(sound);
    await this.plant({ name: NO_ASSERTIONS, file: `${NO_ASSERTIONS}.patch` });
  }

  get sound() {
    return join(this.root, 'sound');
  }

  /** A copy of the sound tree, its build too, with the patch applied: only what that changes is
   *  compiled. @returns where it is. */
  async plant({ name, file }) {
    const copy = join(this.root, name);
    cpSync(this.sound, copy, {
      recursive: true,
      preserveTimestamps: true,
      verbatimSymlinks: true,
    });
    await this.#run('git', ['apply', join(copy, 'test', 'mutants', file)], copy);
    await this.#build(copy);
    return copy;
  }

  /** Turns the assertions of a copy off. */
  disarm(copy) {
    cpSync(join(this.root, NO_ASSERTIONS, ASSERT), join(copy, ASSERT));
  }

  remove(copy) {
    rmSync(copy, { recursive: true, force: true });
  }

  /** @returns {Promise<import('./mutant-hunt.mjs').Catch>} */
  async runSuite(copy, suite) {
    if (!this.#soundSuites.has(suite)) this.#soundSuites.set(suite, this.#suite(this.sound, suite));
    if ((await this.#soundSuites.get(suite)).judge !== null) {
      throw new Error(`test/${suite} fails on the sound tree too`);
    }
    return await this.#suite(copy, suite);
  }

  /** For good. Ends what it has started, and leaves nothing behind. */
  close() {
    for (const signal of Object.keys(SIGNALS)) process.off(signal, this.#onSignal);
    process.off('exit', this.#onExit);
    this.abort.abort();
    for (const child of this.#children) killGroup(child);
    rmSync(this.root, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  async #suite(copy, suite) {
    const args = ['--test', '--test-reporter=tap', suite];
    const cwd = join(copy, 'build', 'tests');
    const { said } = await this.#spawn(process.execPath, args, cwd);
    return verdictOfSuite(suite, said);
  }

  async #build(copy) {
    const tsc = join(checkout, 'node_modules', '.bin', 'tsc');
    await this.#run(tsc, ['-b', '--noCheck'], copy);
  }

  async #run(program, args, cwd) {
    const { code, said } = await this.#spawn(program, args, cwd);
    if (code !== 0) throw new Error(`${program} ${args[0]}: ${said.trim()}`);
  }

  /** In a process group of its own, so that what it starts ends with it. */
  #spawn(program, args, cwd) {
    return new Promise((resolve, reject) => {
      const child = spawn(program, args, {
        cwd,
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      this.#children.add(child);
      let said = '';
      const hear = (chunk) => {
        said += chunk;
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
      const timer = setTimeout(() => {
        killGroup(child);
        reject(new Error(`${program} ${args[0]} takes longer than ${PROGRAM_MAX_MS} ms`));
      }, PROGRAM_MAX_MS);
      const over = () => {
        clearTimeout(timer);
        this.#children.delete(child);
      };
      child.on('error', (error) => {
        over();
        reject(error);
      });
      child.on('close', (code) => {
        over();
        resolve({ code, said });
      });
    });
  }
}

function killGroup({ pid }) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
