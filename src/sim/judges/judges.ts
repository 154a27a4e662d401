import type { Entry } from '../../base/entry.ts';
import type { Outcome } from '../../client/call.ts';
import type { Reply } from '../../kv/reply.ts';
import type { Message } from '../../raft/messages.ts';
import type { TraceEvent } from '../../raft/trace.ts';
import type { Failure } from '../../replica/failure.ts';
import {
  type DurableChange,
  Observer,
  type SimDamageReport,
  type SimNode,
  type SimOperation,
  type SimRecovery,
  type SimWorldView,
  type StopKind,
} from '../observer.ts';
import { AnswerJudge } from './answers.ts';
import { Chronicle } from './chronicle.ts';
import { CommitJudge } from './commits.ts';
import { CommittedDurableJudge } from './committed-durable.ts';
import { CompletenessJudge } from './completeness.ts';
import { DamageJudge } from './damaged.ts';
import { ElectionJudge } from './elections.ts';
import { FreshnessJudge } from './freshness.ts';
import { LinearizabilityJudge } from './linearizability.ts';
import { LogJudge } from './logs.ts';
import { MatchJudge } from './matches.ts';
import { PromiseJudge } from './promises.ts';
import { RecoveryJudge } from './recovery.ts';
import { StateMachineJudge } from './state-machines.ts';
import { TermJudge } from './terms.ts';

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
    new StateMachineJudge(chronicle),
    new AnswerJudge(chronicle),
    new FreshnessJudge(chronicle),
    new LinearizabilityJudge(),
  ];
}

/** Only what the clients saw: for builds whose insides are known to be unsafe. */
export function clientJudges(): readonly Observer[] {
  return [new LinearizabilityJudge()];
}

type Event = Exclude<keyof Observer, 'constructor'>;

/** Several observers as one. Each hears, in their order, only of what it overrides. */
export class Judges extends Observer {
  private readonly judges: readonly Observer[];
  private readonly onSent: readonly Observer[];
  private readonly onStepped: readonly Observer[];
  private readonly onTraced: readonly Observer[];
  private readonly onDurable: readonly Observer[];

  constructor(judges: readonly Observer[] = allJudges()) {
    super();
    const hearing = (event: Event) =>
      judges.filter((judge) => judge[event] !== Observer.prototype[event]);
    this.judges = judges;
    this.onSent = hearing('sent');
    this.onStepped = hearing('stepped');
    this.onTraced = hearing('traced');
    this.onDurable = hearing('durable');
  }

  override began(world: SimWorldView): void {
    for (const judge of this.judges) judge.began(world);
  }

  override started(node: SimNode, recovery: SimRecovery): void {
    for (const judge of this.judges) judge.started(node, recovery);
  }

  override stopped(node: SimNode, how: StopKind, failure: Failure | null): void {
    for (const judge of this.judges) judge.stopped(node, how, failure);
  }

  override traced(node: SimNode, event: TraceEvent): void {
    for (const judge of this.onTraced) judge.traced(node, event);
  }

  override sent(node: SimNode, message: Message): void {
    for (const judge of this.onSent) judge.sent(node, message);
  }

  override applied(node: SimNode, entry: Entry, reply: Reply): void {
    for (const judge of this.judges) judge.applied(node, entry, reply);
  }

  override durable(node: SimNode, change: DurableChange): void {
    for (const judge of this.onDurable) judge.durable(node, change);
  }

  override directory(node: SimNode, names: ReadonlyMap<string, number>): void {
    for (const judge of this.judges) judge.directory(node, names);
  }

  override stepped(node: SimNode): void {
    for (const judge of this.onStepped) judge.stepped(node);
  }

  override invoked(operation: SimOperation): void {
    for (const judge of this.judges) judge.invoked(operation);
  }

  override returned(operation: SimOperation, outcome: Outcome): void {
    for (const judge of this.judges) judge.returned(operation, outcome);
  }

  override damaged(node: SimNode, report: SimDamageReport): void {
    for (const judge of this.judges) judge.damaged(node, report);
  }

  override healed(core: readonly SimNode[]): void {
    for (const judge of this.judges) judge.healed(core);
  }

  override ended(): void {
    for (const judge of this.judges) judge.ended();
  }
}
