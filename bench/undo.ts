import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchContext } from './benchmark.ts';

type Step = () => Promise<void>;

/**
 * What is to be undone when a run ends, latest first, each once. An interrupt undoes while the run
 * still goes on: what it begins after that is undone at once, and it gets no further.
 */
export class Undo {
  private readonly steps: Step[] = [];
  private running: Promise<void> | null = null;

  /** @throws when all has been undone, or is being: nothing new may begin. */
  add(step: Step): void {
    this.steps.push(step);
    if (this.running === null) return;
    this.running = this.running.then(() => this.unwind());
    throw new Error('the run was interrupted');
  }

  /** Resolves once everything has been undone, whoever asked first. */
  run(): Promise<void> {
    this.running ??= this.unwind();
    return this.running;
  }

  private async unwind(): Promise<void> {
    for (let step = this.steps.pop(); step !== undefined; step = this.steps.pop()) await step();
  }
}

/**
 * Runs a part of a benchmark in a directory of its own. Its nodes, servers and data are gone when
 * it ends, so that the next part does not share the machine, or the disk, with them.
 */
export async function inScope<T>(
  context: BenchContext,
  name: string,
  body: (inner: BenchContext) => Promise<T>,
): Promise<T> {
  const undo = new Undo();
  const directory = join(context.directory, name);
  context.onEnd(() => undo.run());
  mkdirSync(directory, { recursive: true });
  undo.add(() => Promise.resolve(rmSync(directory, { recursive: true, force: true })));
  try {
    return await body({ ...context, directory, onEnd: (step) => undo.add(step) });
  } finally {
    await undo.run();
  }
}
