import { installNodeNative } from '../../node/native.ts';
import type { CliCommand } from '../command.ts';
import { clusterMode, clusterOptions } from '../sim/clusters.ts';
import { checkCoreSettings, coreMode } from '../sim/cores.ts';
import { runSeeds } from '../sim/seeds.ts';

export const simCommand: CliCommand = {
  name: 'sim',
  group: 'tools',
  summary: 'Runs whole clusters in a simulated world under faults, with every check.',
  usage: '[--core] [--seed N | --seeds A..B | --minutes M] [--seconds S] [--nodes N] [--trace]',
  description: [
    'Real replicas, connections, codecs and clients run in one process, on a simulated disk, network',
    'and clock, while everything goes wrong that the seed draws: crashes, power cuts, partitions,',
    'clogged links, bad clocks, bad disks. Judges watch every step; in the end the faults stop, and',
    'the cluster has to serve again. The same seed is the same run, with the same hash, everywhere.',
    'Exits with 0 when all is well; 10: something forbidden happened; 11: something that must happen',
    'did not; 12: the code crashed; 13: a set of seeds has not been through all that it must.',
    'A failure is told with the last events before it, and made smaller.',
    'With --core only the consensus cores run, two thousand steps a seed, over single messages that are',
    'lost, duplicated and reordered: what no connection does, and the protocol must stand all the same.',
  ],
  examples: [
    'dkvs sim --seed 7',
    'dkvs sim --seed 7 --trace',
    'dkvs sim --seeds 1..1000',
    'dkvs sim --core --minutes 5',
  ],
  options: [
    { name: 'seed', kind: 'count', placeholder: 'N', summary: 'one run; the default is drawn' },
    { name: 'seeds', kind: 'text', placeholder: 'A..B', summary: 'all of these, on all cores' },
    { name: 'minutes', kind: 'count', placeholder: 'M', summary: 'new seeds for so long' },
    { name: 'core', kind: 'flag', placeholder: '', summary: 'consensus alone, message by message' },
    ...clusterOptions,
    { name: 'trace', kind: 'flag', placeholder: '', summary: 'print every event of the run' },
    { name: 'threads', kind: 'count', placeholder: 'N', summary: 'the default is one a core' },
  ],
  async run({ settings }, io) {
    installNodeNative();
    if (!settings.flag('core')) return await runSeeds(clusterMode(settings), settings, io);
    checkCoreSettings(settings);
    return await runSeeds(coreMode, settings, io);
  },
};
