import { checkLimits, defaultLimits, type Limits } from '../base/limits.ts';
import { Prng } from '../base/prng.ts';
import { defaultTiming, type RaftTiming } from '../raft/timing.ts';
import { defaultRequestTiming, type RequestTiming } from '../replica/router.ts';
import {
  DISK_PLOT_KINDS,
  ELECTION_PLOT_KINDS,
  FAULT_KINDS,
  type FaultKind,
  type PlotKind,
} from './faults/kinds.ts';
import { defaultPipeOptions } from './network.ts';
import type { PipeOptions } from './pipe.ts';
import type { Turns } from './process.ts';

/** What may be asked of a run. Everything else comes from the seed. */
export interface RunSettings {
  readonly seed: number;
  /** Simulated time under faults and load; the time to heal comes on top. */
  readonly seconds: number;
  /** 0: the seed decides. */
  readonly nodes: number;
  /** On average. */
  readonly operationsPerSecond: number;
  /** Only these of the planned faults, by their numbers; null: all of them. */
  readonly onlyFaults: readonly number[] | null;
  /** `LIN`: only the clients' histories are judged; what else goes wrong just ends the run. */
  readonly judges: 'all' | 'LIN';
}

export const defaultSettings: Omit<RunSettings, 'seed'> = {
  seconds: 60,
  nodes: 0,
  operationsPerSecond: 20,
  onlyFaults: null,
  judges: 'all',
};

/** How long an operation of a disk takes. */
export interface DiskDelay {
  readonly minMs: number;
  readonly maxMs: number;
  /** How often it is drawn up to `longMs` instead. */
  readonly longChance: number;
  readonly longMs: number;
}

/** One thing that will go wrong. What it chooses on its way comes from its own seed, so that it does
 *  the same when others are left out. */
export interface PlannedFault {
  readonly number: number;
  readonly atMs: number;
  readonly kind: FaultKind;
  readonly seed: number;
}

export interface WorkloadPlan {
  readonly operationsPerSecond: number;
  /** Operations come in bursts, from so many clients at once at the most. */
  readonly burstMax: number;
  readonly deadlineMs: number;
  /** How often a value is several sectors long. */
  readonly longValueChance: number;
  /** Keys are used for so long, then others are. */
  readonly keyLifeMs: number;
  readonly weights: Readonly<Record<OperationKind, number>>;
}

export type OperationKind =
  | 'set'
  | 'get'
  | 'compareAndSet'
  | 'conditional'
  | 'increment'
  | 'delete'
  | 'exists'
  | 'append'
  | 'take'
  | 'setMany'
  | 'getMany';

/** All of a run that is settled before it begins. */
export interface Plan {
  readonly seed: number;
  readonly nodes: number;
  readonly limits: Limits;
  readonly raftTiming: RaftTiming;
  readonly requestTiming: RequestTiming;
  readonly pipe: PipeOptions;
  readonly diskDelay: DiskDelay;
  readonly turns: Turns;
  readonly clockRates: readonly number[];
  readonly workload: WorkloadPlan;
  readonly faults: readonly PlannedFault[];
  /** More may be destroyed than the cluster can survive: then only safety is judged. */
  readonly anythingGoes: boolean;
  /** When the faults stop. */
  readonly healAtMs: number;
}

/**
 * Draws a run from its seed (swarm testing): every run has its own mixture of faults, some of them
 * off altogether, and its own limits, delays and load, so that what is rare in one is common in
 * another.
 */
export function drawPlan(settings: RunSettings): Plan {
  const random = new Prng(settings.seed);
  const drawnNodes = pick(random, [3, 3, 3, 3, 3, 3, 5, 5, 4, 7, 2, 1]);
  const nodes = settings.nodes === 0 ? drawnNodes : settings.nodes;
  const limits = drawLimits(random.fork());
  checkLimits(limits);
  const healAtMs = settings.seconds * 1000;
  const rates = random.fork();
  const drift = pick(random, [0, 0, 0.001, 0.05]);
  const clockRates: number[] = [];
  for (let i = 0; i < nodes; i++) clockRates.push(1 + (rates.float() * 2 - 1) * drift);
  const drawnFaults = drawFaults(random.fork(), healAtMs);
  const pipe = drawPipe(random.fork());
  const diskDelay = drawDiskDelay(random.fork());
  const raftTiming = drawTiming(random.fork(), pipe.delayMaxMs + diskDelay.maxMs <= 2);
  const workload = drawWorkload(random.fork(), settings.operationsPerSecond);
  const anythingGoes = random.chance(0.04);
  // Last, so that all other seeds are what they would be without it.
  const drawnBook = nodes >= 3 ? drawBook(random) : null;
  const isDrawnApart = drawnBook !== null || random.chance(TURNS_APART_CHANCE);
  const book = drawnBook ?? (nodes >= 3 && random.chance(INSTALLS.chance) ? INSTALLS : null);
  const faults = book === null ? drawnFaults : plots(random.fork(), book.kinds, healAtMs);
  // A plot strikes between what was heard and the turn that acts on it.
  const turns: Turns = book !== null || isDrawnApart ? 'apart' : 'behind';
  const only = settings.onlyFaults;
  const plan = {
    seed: settings.seed,
    nodes,
    limits,
    raftTiming,
    requestTiming: defaultRequestTiming,
    pipe,
    diskDelay,
    turns,
    clockRates,
    workload,
    faults: only === null ? faults : faults.filter(({ number }) => only.includes(number)),
    anythingGoes,
    healAtMs,
  };
  return book === null ? plan : { ...plan, ...book.setting(plan) };
}

export function pick<T>(random: Prng, from: readonly T[]): T {
  return from[random.below(from.length)]!;
}

/** In so many runs a turn is an event of its own, and others may come before it. */
const TURNS_APART_CHANCE = 0.25;

const KIB = 1024;

/** Small bounds, so that segments roll, windows fill, and logs leave memory within a run. */
function drawLimits(random: Prng): Limits {
  const batchBytesMax = pick(random, [2 * KIB, 4 * KIB, 16 * KIB]);
  return {
    ...defaultLimits,
    keyBytesMax: 64,
    valueBytesMax: 256,
    entryBytesMax: KIB,
    batchBytesMax,
    segmentBytes: batchBytesMax + pick(random, [2 * KIB, 14 * KIB, 62 * KIB, 126 * KIB]),
    appendEntriesBytesMax: pick(random, [100, KIB, 16 * KIB]),
    inflightMessagesMax: pick(random, [1, 2, 8, 64]),
    inflightBytesMax: pick(random, [KIB, 64 * KIB]),
    uncommittedBytesMax: pick(random, [2 * KIB, 64 * KIB, 64 * KIB]),
    logWindowBytesMax: pick(random, [0, 512, 8 * KIB, 64 * KIB]),
    pendingRequestsMax: pick(random, [4, 64, 65_536, 65_536]),
    clientPipelineMax: pick(random, [1, 4, 1024]),
    // After 5 to some 100 entries: a batch takes a sector at least. And, sometimes, none in a run.
    snapshotLogBytesMin: pick(random, [2 * KIB, 6 * KIB, 16 * KIB, 48 * KIB, 1024 * KIB]),
    snapshotLogFactor: pick(random, [0, 1]),
    snapshotChunkBytesMax: pick(random, [KIB, 16 * KIB]),
    peerFrameBytesMax: 64 * KIB,
    peerOutputBytesMax: 256 * KIB,
    // A state of some kilobytes must take many slices, or nothing would change meanwhile.
    snapshotSliceBytes: pick(random, [128, 512, 64 * KIB]),
    // From some tens of entries a second on, to all that there are at once.
    catchUpBytesPerSecond: pick(random, [16 * KIB, 256 * KIB, 32 * KIB * KIB]),
    // Reads that end anywhere: in a header, in a body, between two batches.
    readAheadBytes: pick(random, [0, 100, 700, 128 * KIB]),
    readBackBytesMax: pick(random, [KIB, 64 * KIB]),
  };
}

/** §5.6: the broadcast time, syncs included, is far below the election timeout: where it isn't, no
 *  leader can be demanded. */
function drawTiming(random: Prng, isQuick: boolean): RaftTiming {
  if (!isQuick || random.chance(0.6)) return defaultTiming;
  const heartbeatMs = pick(random, [30, 50, 100]);
  const electionTimeoutMinMs = heartbeatMs * pick(random, [3, 6, 10]);
  return {
    ...defaultTiming,
    heartbeatMs,
    electionTimeoutMinMs,
    electionTimeoutMaxMs: electionTimeoutMinMs * pick(random, [1.25, 2]),
    storageStallMs: pick(random, [2000, 3000]),
  };
}

function drawPipe(random: Prng): PipeOptions {
  const [delayMinMs, delayMaxMs] = pick(random, [
    [0.05, 0.5],
    [0.05, 0.5],
    [0.5, 5],
    [1, 20],
    [10, 40],
  ] as const);
  return {
    ...defaultPipeOptions,
    delayMinMs,
    delayMaxMs,
    splitChance: pick(random, [0, 0, 0.02, 0.3]),
    longChance: pick(random, [0, 0, 0.002, 0.02]),
    delayLongMs: 250,
  };
}

function drawDiskDelay(random: Prng): DiskDelay {
  const [minMs, maxMs] = pick(random, [
    [0.1, 0.5],
    [0.1, 0.5],
    [0.5, 5],
    [1, 20],
  ] as const);
  return { minMs, maxMs, longChance: pick(random, [0, 0, 0.01]), longMs: 300 };
}

function drawWorkload(random: Prng, operationsPerSecond: number): WorkloadPlan {
  const weight = (most: number) => (random.chance(0.2) ? 0 : most * random.float());
  return {
    operationsPerSecond,
    burstMax: pick(random, [4, 12, 24]),
    deadlineMs: pick(random, [1000, 2000, 2000, 3000]),
    longValueChance: pick(random, [0.02, 0.2, 0.6]),
    keyLifeMs: pick(random, [4000, 10_000]),
    weights: {
      set: 1,
      get: 1,
      compareAndSet: weight(2),
      conditional: weight(1),
      increment: weight(2),
      delete: weight(1),
      exists: weight(1),
      append: weight(1),
      take: weight(0.5),
      setMany: weight(1),
      getMany: weight(1),
    },
  };
}

/** Some runs have nothing but plots of one kind, and a setting in which they come to their end. */
interface Book {
  readonly chance: number;
  readonly kinds: readonly PlotKind[];
  readonly setting: (plan: Plan) => Partial<Plan>;
}

const PLOT_EVERY_MS = 5000;
const ONE_ENTRY = 1;

const BOOKS: readonly Book[] = [
  // faults/election-plots.ts: messages of one entry each, between which the next step may come.
  { chance: 0.05, kinds: ELECTION_PLOT_KINDS, setting: hurried },
  // faults/disk-plots.ts: batches of many sectors, and a log that is hardly in memory. The plots that
  // need most luck come twice as often.
  {
    chance: 0.15,
    kinds: [...DISK_PLOT_KINDS, 'torn-batch', 'suspect-alone', 'rotten-feed'],
    setting: crowded,
  },
];

/** faults/disk-plots.ts: whoever is away for three seconds needs a snapshot. */
const INSTALLS: Book = { chance: 0.03, kinds: ['install-cut-short'], setting: shortLived };

function drawBook(random: Prng): Book | null {
  for (const book of BOOKS) if (random.chance(book.chance)) return book;
  return null;
}

/** A plot must come to its end while clients still wait. */
function hurried({ limits, pipe }: Plan): Partial<Plan> {
  return {
    limits: { ...limits, appendEntriesBytesMax: ONE_ENTRY },
    pipe: { ...pipe, delayMinMs: 0.05, delayMaxMs: 0.5, longChance: 0 },
    diskDelay: { minMs: 0.1, maxMs: 0.5, longChance: 0, longMs: 0 },
    raftTiming: {
      ...defaultTiming,
      heartbeatMs: 30,
      electionTimeoutMinMs: 90,
      electionTimeoutMaxMs: 180,
    },
  };
}

function crowded(plan: Plan): Partial<Plan> {
  const { limits, workload } = plan;
  return {
    ...hurried(plan),
    limits: { ...limits, appendEntriesBytesMax: 16 * KIB, logWindowBytesMax: 512 },
    // While one batch is written, the next one grows.
    diskDelay: { minMs: 1, maxMs: 4, longChance: 0, longMs: 0 },
    workload: { ...workload, burstMax: 24, longValueChance: 0.6 },
  };
}

/** Logs that are cut all the time. */
function shortLived(plan: Plan): Partial<Plan> {
  const { limits } = plan;
  return {
    ...hurried(plan),
    limits: {
      ...limits,
      segmentBytes: limits.batchBytesMax + 2 * KIB,
      snapshotLogBytesMin: 2 * KIB,
      snapshotLogFactor: 0,
    },
  };
}

function plots(random: Prng, kinds: readonly PlotKind[], untilMs: number): readonly PlannedFault[] {
  const faults: PlannedFault[] = [];
  for (let atMs = 2000; atMs < untilMs; atMs += PLOT_EVERY_MS) {
    const kind = pick(random, kinds);
    const earlierMs = 500 * random.float();
    faults.push({ number: faults.length, atMs: atMs - earlierMs, kind, seed: random.u32() });
  }
  return faults;
}

/** A crash tears something only when it comes at the right moment. */
const OFTEN: readonly FaultKind[] = ['power', 'power-when', 'power-at-operation'];

/** At least 5, most often many more; of some kinds none. */
function drawFaults(random: Prng, untilMs: number): readonly PlannedFault[] {
  const weights = FAULT_KINDS.map((kind) => ({
    kind,
    weight: random.chance(0.4) ? 0 : random.float() * (OFTEN.includes(kind) ? 3 : 1),
  }));
  const total = weights.reduce((sum, { weight }) => sum + weight, 0);
  const perMinute = pick(random, [6, 10, 20, 40]);
  const count = Math.max(5, Math.round((perMinute * untilMs) / 60_000));
  const times = Array.from({ length: count }, () => random.float() * untilMs);
  times.sort((a, b) => a - b);
  return times.map((atMs, number) => {
    let at = random.float() * total;
    const drawn = weights.find(({ weight }) => (at -= weight) < 0);
    return { number, atMs, kind: drawn?.kind ?? 'kill', seed: random.u32() };
  });
}
