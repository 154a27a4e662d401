import { defaultSettings, type RunSettings } from '../../sim/plan.ts';
import { type RunResult, runSeed } from '../../sim/run.ts';
import { shrink } from '../../sim/shrink.ts';
import { usageError } from '../exit.ts';
import type { OptionSpec, Settings } from '../settings.ts';
import type { SimMode } from './mode.ts';
import { commandOf, Report } from './report.ts';

/** What may be asked of whole clusters, and of nothing else. */
export const clusterOptions: readonly OptionSpec[] = [
  {
    name: 'seconds',
    kind: 'count',
    placeholder: 'S',
    summary: 'simulated time under faults',
    fallback: `${defaultSettings.seconds}`,
  },
  { name: 'nodes', kind: 'count', placeholder: 'N', summary: '1 to 7; else the seed decides' },
  {
    name: 'operations',
    kind: 'count',
    placeholder: 'N',
    summary: 'what clients ask for in a simulated second',
    fallback: `${defaultSettings.operationsPerSecond}`,
  },
  {
    name: 'faults',
    kind: 'text',
    placeholder: 'N,N',
    summary: 'only these of the planned faults, by number; or none',
  },
  {
    name: 'judges',
    kind: 'text',
    placeholder: 'all|LIN',
    summary: 'LIN: nothing but what the clients saw',
    fallback: defaultSettings.judges,
  },
];

/** `dkvs sim`: whole replicas, connections, codecs and clients. */
export function clusterMode(settings: Settings): SimMode<RunResult> {
  return {
    worker: new URL('./worker.js', import.meta.url),
    settingsOf: (seed) => settingsOf(settings, seed),
    run: runSeed,
    tally: () => new Report(),
    commandOf,
    smaller,
  };
}

function settingsOf(settings: Settings, seed: number): RunSettings {
  return {
    seed,
    seconds: settings.count('seconds', 1, 100_000),
    nodes: settings.has('nodes') ? settings.count('nodes', 1, 7) : 0,
    operationsPerSecond: settings.count('operations', 1, 10_000),
    onlyFaults: settings.has('faults') ? numbersOf(settings.text('faults')) : null,
    judges: judgesOf(settings.text('judges')),
  };
}

function judgesOf(text: string): RunSettings['judges'] {
  if (text === 'all' || text === 'LIN') return text;
  throw usageError('--judges is all, or LIN');
}

function numbersOf(text: string): readonly number[] {
  if (text === 'none') return [];
  if (!/^\d{1,6}(,\d{1,6})*$/.test(text)) throw usageError('--faults is like 3,8,15, or none');
  return text.split(',').map(Number);
}

function smaller(result: RunResult): readonly string[] {
  const { result: small, runs } = shrink(result);
  const { failure, settings } = small;
  const atSeconds = (failure!.atMs / 1000).toFixed(1);
  const size = `${small.nodes} nodes, ${small.faults} faults, ${small.operations} operations`;
  return [
    `smaller (found in ${runs} runs): ${size}, ${failure!.invariant} at ${atSeconds} s`,
    `  ${commandOf(settings)} --trace`,
  ];
}
