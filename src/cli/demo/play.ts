import type { Cast } from './cast.ts';
import type { Ledger } from './ledger.ts';
import { readLog } from './logs.ts';
import type { Stage } from './stage.ts';
import type { Writers } from './writers.ts';

/** What every act has at hand. */
export interface Play {
  readonly stage: Stage;
  readonly cast: Cast;
  readonly ledger: Ledger;
  readonly writers: Writers;
  /** How long the writers write before the leader is killed, and after, in ms. */
  readonly loadMs: number;
}

/** Starts a node again, and waits until it has applied what was committed when it started. */
export async function catchUp({ stage, cast }: Play, name: string): Promise<void> {
  const had = readLog(cast.dataOf(name)).entries.length;
  const startMs = performance.now();
  const leader = await cast.leader();
  const target = (await cast.facts(leader.name)).commitIndex;
  await cast.start(name);
  await cast.untilApplied(name, target);
  const ms = performance.now() - startMs;
  stage.measure(`${name} started again, until it had caught up`, ms);
  stage.tell(`${name} is back, and has caught up: it had ${had} entries, the cluster ${target}`);
}

/**
 * Reads everything back, and holds the cluster to its word. Nobody may be writing: then a read
 * through the log also decides what had an unknown outcome, once and for all.
 */
export async function verify({ stage, cast, ledger }: Play): Promise<void> {
  const startMs = performance.now();
  const found = await cast.read(ledger.keys);
  const { acknowledged, refused, unknownApplied, unknownNotApplied, faults } = ledger.settle(found);
  const unknown = unknownApplied + unknownNotApplied;
  const ms = Math.round(performance.now() - startMs);
  stage.tell(
    `all ${ledger.keys.length} keys read back in ${ms} ms, and compared with the answers:`,
  );
  stage.more(`${acknowledged} writes acknowledged, ${refused} refused as not applied,`);
  stage.more(
    `${unknown} of unknown outcome (applied: ${unknownApplied}, not: ${unknownNotApplied})`,
  );
  for (const fault of faults.slice(0, 10)) stage.more(`  ${fault}`);
  stage.check(faults.length === 0, 'every acknowledged write is there, and none twice');
}
