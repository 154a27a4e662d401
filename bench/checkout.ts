import { execFile } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CliError, ExitCode, usageError } from '../src/cli/exit.ts';
import type { BenchContext } from './benchmark.ts';

const execute = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Another commit of this repository, built. */
export interface Checkout {
  /** Its `dkvs`, to be run by Node. */
  readonly dkvs: string;
  /** `1a2b3c4 What it says of itself`. */
  readonly title: string;
}

/** This tree, as it is built now. */
export const here: Checkout = { dkvs: join(ROOT, 'bin', 'dkvs.mjs'), title: 'this tree' };

/**
 * Checks a commit out beside the data, as a worktree of git's, and builds what `dkvs` is made of.
 * It is gone when the run ends.
 * @throws CliError when there is no such commit, or it does not build.
 */
export async function checkOut(context: BenchContext, commit: string): Promise<Checkout> {
  const title = await git('log', '-1', '--format=%h %s', commit, '--').catch(() => {
    throw usageError(`--against ${commit}: there is no such commit`);
  });
  const directory = join(context.directory, 'against');
  context.onEnd(async () => {
    await git('worktree', 'remove', '--force', directory).catch(() => git('worktree', 'prune'));
  });
  await git('worktree', 'add', '--detach', directory, commit);
  await install(directory);
  const projects = ['src/cli', 'src/node'].map((layer) => join(directory, layer));
  const compiler = join(directory, 'node_modules', 'typescript', 'bin', 'tsc');
  await execute(process.execPath, [compiler, '-b', ...projects]).catch((error) => {
    throw new CliError(ExitCode.Other, `${title} does not build: ${error.stdout}${error.stderr}`);
  });
  return { dkvs: join(directory, 'bin', 'dkvs.mjs'), title };
}

/** The compiler of this tree, where both want the same one; it is only read. */
async function install(directory: string): Promise<void> {
  const lock = (root: string) => readFileSync(join(root, 'package-lock.json'), 'utf8');
  const modules = join(ROOT, 'node_modules');
  if (lock(directory) === lock(ROOT) && existsSync(modules)) {
    symlinkSync(modules, join(directory, 'node_modules'));
    return;
  }
  await execute('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: directory });
}

async function git(...args: readonly string[]): Promise<string> {
  const { stdout } = await execute('git', args, { cwd: ROOT });
  return stdout.trim();
}
