import { usageError } from '../src/cli/exit.ts';
import type { Settings } from '../src/cli/settings.ts';

/** What `--full` adds at the end. */
const FULL = 3_000_000;

/** A list of growing numbers. @throws CliError */
export function sizesOf(settings: Settings, option: 'keys' | 'log'): readonly number[] {
  const sizes = growing(settings.text(option), `--${option}`);
  return settings.flag('full') && sizes.at(-1)! < FULL ? [...sizes, FULL] : sizes;
}

export function growing(list: string, name: string): readonly number[] {
  const sizes = list.split(',').map(Number);
  const isGrowing = sizes.every((size, i) => size > (sizes[i - 1] ?? 0) && size <= 1e9);
  if (isGrowing && sizes.every(Number.isInteger)) return sizes;
  throw usageError(`${name} takes whole numbers that grow, as 1000,10000, not ${list}`);
}
