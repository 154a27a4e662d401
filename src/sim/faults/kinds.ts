/** Everything that a plan can let go wrong. The files beside this one do it. */
export const FAULT_KINDS = [
  // Processes.
  'kill',
  'kill-all',
  'kill-leader',
  'kill-when',
  'stop',
  'power',
  'power-when',
  'power-at-operation',
  'blackout',
  'pause',
  'pause-leader',
  // Clocks.
  'clock-rate',
  'clock-jump',
  // Network.
  'isolate',
  'isolate-leader',
  'split',
  'bridge',
  'one-way',
  'clients-cut',
  'clog',
  'reset',
  'refuse',
  // Disks: what they do, and what they did to what was synced.
  'disk-slow',
  'disk-hang',
  'disk-full',
  'disk-errors',
  'sync-error',
  'rot-log',
  'rot-slot',
  'lost-write',
  'misdirected-write',
  'rot-snapshot',
  'wipe',
  'restore',
] as const;

/** Plots of several steps: a few runs have nothing else, of one of these two kinds. */
export const ELECTION_PLOT_KINDS = ['figure-8', 'forgotten-vote'] as const;
export const DISK_PLOT_KINDS = [
  'torn-batch',
  'suspect-alone',
  'rotten-feed',
  'hung-disks',
  'stuck-hand-over',
] as const;
export const INSTALL_PLOT_KINDS = ['install-cut-short'] as const;

export type ElectionPlot = (typeof ELECTION_PLOT_KINDS)[number];
export type DiskPlot = (typeof DISK_PLOT_KINDS)[number] | (typeof INSTALL_PLOT_KINDS)[number];
export type PlotKind = ElectionPlot | DiskPlot;
export type FaultKind = (typeof FAULT_KINDS)[number] | PlotKind;
