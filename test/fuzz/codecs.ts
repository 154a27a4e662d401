import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { hex } from '../../src/base/bytes.ts';
import { Prng } from '../../src/base/prng.ts';
import { installNodeNative } from '../../src/node/native.ts';
import { mutate } from './mutate.ts';
import { type Target, targets } from './targets.ts';

/** An input that broke something. */
export interface Crash {
  readonly target: string;
  readonly seed: number;
  readonly input: number;
  readonly error: string;
  readonly bytes: Uint8Array;
}

const CRASHES_MAX = 20;

/** Runs one input; the same seed and number always make the same. @returns null when all held. */
export function fuzzOne(
  seed: number,
  input: number,
  of: readonly Target[] = targets,
): Crash | null {
  const random = new Prng(seed * 2 ** 32 + input);
  const target = of[input % of.length]!;
  const { corpus } = target;
  const bytes = mutate(corpus[random.below(corpus.length)]!, corpus, random);
  const sent = bytes.slice();
  try {
    target.check(bytes, random);
    return null;
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { target: target.name, seed, input, error: text, bytes: sent };
  }
}

export interface FuzzRun {
  readonly inputs: number;
  readonly crashes: readonly Crash[];
}

/** Runs inputs until there were so many, or the time is over, or too many have crashed. */
export function fuzz(
  { seed, inputs, ms }: { seed: number; inputs: number; ms: number },
  onProgress: (inputs: number) => void = () => {},
): FuzzRun {
  const crashes: Crash[] = [];
  const endMs = performance.now() + ms;
  let input = 0;
  for (; input < inputs && crashes.length < CRASHES_MAX; input++) {
    if (input % 256 === 0 && performance.now() > endMs) break;
    const crash = fuzzOne(seed, input);
    if (crash !== null) crashes.push(crash);
    if (input % 65_536 === 65_535) onProgress(input + 1);
  }
  return { inputs: input, crashes };
}

export function describeCrash({ target, seed, input, error, bytes }: Crash): string {
  const again = `node build/tests/fuzz/codecs.js --seed ${seed} --input ${input}`;
  return `${target}: ${error}\n  bytes: ${hex(bytes.subarray(0, 2000))}\n  again: ${again}`;
}

/** `node build/tests/fuzz/codecs.js [--inputs N] [--seed S] [--input I]` */
function main(): void {
  const number = (name: string, fallback: number): number => {
    const at = process.argv.indexOf(`--${name}`);
    return at < 0 ? fallback : Number(process.argv[at + 1]);
  };
  installNodeNative();
  const seed = number('seed', 1);
  const only = number('input', -1);
  if (only >= 0) {
    const crash = fuzzOne(seed, only);
    process.stdout.write(`${crash === null ? 'all holds' : describeCrash(crash)}\n`);
    process.exitCode = crash === null ? 0 : 1;
    return;
  }
  const inputs = number('inputs', 1_000_000);
  const startMs = performance.now();
  const rate = (done: number) => Math.round(done / ((performance.now() - startMs) / 1000));
  const run = fuzz({ seed, inputs, ms: Number.POSITIVE_INFINITY }, (done) => {
    process.stderr.write(`\r${done} of ${inputs} inputs, ${rate(done)} / s `);
  });
  for (const crash of run.crashes) process.stdout.write(`\n${describeCrash(crash)}\n`);
  process.stdout.write(
    `\nseed ${seed}: ${run.inputs} inputs, ${rate(run.inputs)} / s, ${run.crashes.length} crashes\n`,
  );
  process.exitCode = run.crashes.length === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
