import type { Observer } from '../observer.ts';
import { AnswerJudge } from './answers.ts';
import { Chronicle } from './chronicle.ts';
import { CommitJudge } from './commits.ts';
import { CommittedDurableJudge } from './committed-durable.ts';
import { CompletenessJudge } from './completeness.ts';
import { DamageJudge } from './damaged.ts';
import { DiskSpaceJudge } from './disk-space.ts';
import { ElectionJudge } from './elections.ts';
import { FreshnessJudge } from './freshness.ts';
import { HandOverJudge } from './hand-over.ts';
import { LinearizabilityJudge } from './linearizability.ts';
import { LogJudge } from './logs.ts';
import { MatchJudge } from './matches.ts';
import { PromiseJudge } from './promises.ts';
import { ReadIndexJudge } from './read-index.ts';
import { RecoveryJudge } from './recovery.ts';
import { ServedBytesJudge } from './served-bytes.ts';
import { SnapshotJudge } from './snapshots.ts';
import { StalledDiskJudge } from './stalled-disk.ts';
import { StateMachineJudge } from './state-machines.ts';
import { TermJudge } from './terms.ts';
import { TransferJudge } from './transfers.ts';

/** Every judge there is, each new: the chronicle, which they lean on, first. SPEC.md says what each
 *  of them holds the cluster to. */
export function allJudges(): readonly Observer[] {
  const chronicle = new Chronicle();
  return [
    chronicle,
    new ElectionJudge(chronicle),
    new TermJudge(),
    new LogJudge(chronicle),
    new CommitJudge(chronicle),
    new CompletenessJudge(chronicle),
    new DamageJudge(chronicle),
    new PromiseJudge(chronicle),
    new RecoveryJudge(chronicle),
    new CommittedDurableJudge(chronicle),
    new MatchJudge(chronicle),
    new SnapshotJudge(chronicle),
    new TransferJudge(),
    new ServedBytesJudge(chronicle),
    new StateMachineJudge(chronicle),
    new AnswerJudge(chronicle),
    new FreshnessJudge(chronicle),
    new ReadIndexJudge(chronicle),
    new HandOverJudge(chronicle),
    new StalledDiskJudge(chronicle),
    new DiskSpaceJudge(chronicle),
    new LinearizabilityJudge(chronicle),
  ];
}

/** Only what the clients saw: for builds whose insides are known to be unsafe. */
export function clientJudges(): readonly Observer[] {
  return [new LinearizabilityJudge(null)];
}
