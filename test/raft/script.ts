import assert from 'node:assert/strict';
import { bytesOf } from '../../src/base/bytes.ts';
import { EntryType, unsealedRecord } from '../../src/base/entry.ts';
import { nodeId } from '../../src/base/ids.ts';
import { defaultLimits } from '../../src/base/limits.ts';
import type { Persist } from '../../src/base/persist.ts';
import type { Message } from '../../src/raft/messages.ts';
import type { TraceEvent } from '../../src/raft/trace.ts';
import type { CoreNode } from '../../src/sim/messages/core-node.ts';
import { entryOf, Harness, imageOf } from './harness.ts';
import { appendEntries, describe } from './say.ts';

/** One directive of a golden: `name 1 2 key=value key=(1,2)`. */
interface Directive {
  readonly name: string;
  readonly words: readonly string[];
  readonly settings: ReadonlyMap<string, string>;
}

function parse(line: string): Directive {
  const [name = '', ...rest] = line.trim().split(/\s+/);
  const words: string[] = [];
  const settings = new Map<string, string>();
  for (const part of rest) {
    const [key = '', value] = part.split('=');
    if (value === undefined) words.push(key);
    else settings.set(key, value.replace(/^\((.*)\)$/, '$1'));
  }
  return { name, words, settings };
}

const numbers = (list: string): number[] => (list === '' ? [] : list.split(',').map(Number));

/** A cluster on a table that obeys the directives of a golden and says what it sees. */
export class Script {
  private harness = new Harness();
  private out: string[] = [];
  /** Whether messages and requests to disks are worth a line. */
  private loud = true;

  /** Carries out one line and returns what happened. */
  run(line: string): string[] {
    const directive = parse(line);
    const perform = this.directives[directive.name];
    assert(perform !== undefined, `unknown directive: ${line}`);
    this.out = [];
    const before = new Map(
      this.harness.nodes.map((node) => [node, node.persists.at(-1)?.sequence]),
    );
    perform(directive);
    for (const node of this.harness.nodes) this.sayWaiting(node, before.get(node) ?? 0);
    return this.out.length === 0 ? ['ok'] : this.out;
  }

  private readonly directives: Record<string, (directive: Directive) => void> = {
    // cluster nodes=3 [window=BYTES] [batch=BYTES]: all of them started for the first time.
    cluster: ({ settings }) => {
      this.begin(Number(settings.get('nodes')), settings);
      for (const { id } of this.harness.nodes) this.harness.start(id);
    },
    // logs 1=(1,1,2) 2=(1) … [term=3]: all of them started with these logs, as terms.
    logs: ({ settings }) => {
      const ids = [...settings.keys()].filter((key) => /^\d$/.test(key));
      this.begin(ids.length, settings);
      for (const id of ids) {
        const terms = numbers(settings.get(id)!);
        const currentTerm = settings.get('term') ?? Math.max(0, ...terms);
        this.harness.node(Number(id)).image = imageOf(terms, Number(currentTerm));
      }
      for (const { id } of this.harness.nodes) this.harness.start(id);
      this.showLogs();
    },
    // elect 1: by the ordinary way, and everything comes to rest.
    elect: ({ words }) => {
      this.quietly(() => this.harness.elect(Number(words[0])));
      this.out = [`${words[0]} leads term ${this.harness.raft(Number(words[0])).currentTerm}`];
    },
    // timeout 1: its timer runs out; time moves there.
    timeout: ({ words }) => this.harness.timeout(Number(words[0])),
    // pass ms=100: time passes, nobody ticks.
    pass: ({ settings }) => {
      this.harness.nowMs += Number(settings.get('ms'));
    },
    tick: ({ words }) => {
      this.harness.act(Number(words[0]), (raft) => raft.tick(this.harness.nowMs));
    },
    // run ms=1000: time passes, timers fire, everything is delivered and written at once.
    run: ({ settings }) => this.quietly(() => this.harness.run(Number(settings.get('ms')))),
    settle: () => this.quietly(() => this.harness.settle()),
    // deliver [from=1] [to=2] [kind=K] [count=1], of what is on its way now.
    deliver: ({ settings }) => this.harness.deliverAll(this.matcher(settings)),
    // append from=2 to=1 term=2 prev=1/1 entries=(2/2,3/2): what some leader might send.
    append: ({ settings }) => this.append(settings),
    drop: ({ settings }) => this.harness.drop(this.matcher(settings)),
    // persist 1 [count=1]: the disk finishes its oldest requests.
    persist: ({ words, settings }) => {
      this.harness.persist(Number(words[0]), Number(settings.get('count') ?? 1e9));
    },
    // propose 1 a b: both in one turn.
    propose: ({ words: [id, ...texts] }) => this.propose(Number(id), texts),
    // apply 1: what is committed, or the snapshot that took the place of its log.
    apply: ({ words }) => this.harness.snapshots.apply(Number(words[0])),
    read: ({ words }) => this.harness.answerRead(Number(words[0])),
    // snapshot 1 bytes=100: of what it has applied. A host keeps two.
    snapshot: ({ words, settings }) => {
      const id = Number(words[0]);
      this.harness.snapshots.write(id, Number(settings.get('bytes')));
      this.harness.snapshots.publish(id);
      this.showSnapshots(id);
    },
    // compact 1 [newest]: up to the last snapshot but one, or to the last.
    compact: ({ words: [id, which] }) => {
      this.harness.snapshots.compact(Number(id), which === 'newest');
    },
    // slice 1 [bytes=40]: its host reads the piece that is asked for; 0 bytes: it fails.
    slice: ({ words, settings }) => {
      this.harness.snapshots.answerRead(Number(words[0]), Number(settings.get('bytes') ?? 1e9));
    },
    // take 3: its host takes the oldest piece that has come.
    take: ({ words }) => this.harness.snapshots.takeChunk(Number(words[0])),
    // slow: pieces wait for `slice` and `take`, whatever else is done at once.
    slow: () => {
      this.harness.snapshots.areSlow = true;
    },
    pins: ({ words }) => {
      const pins = this.harness.raft(Number(words[0])).snapshotPins(this.harness.nowMs);
      this.out.push(`pinned: (${pins.map(({ index, id }) => `${index}#${id}`).join(',')})`);
    },
    crash: ({ words, settings }) => {
      this.harness.crash(Number(words[0]), Number(settings.get('kept') ?? 0));
    },
    // rot 3 keep=2: its disk has rotted while it was down; the start that is to come keeps 2 entries.
    rot: ({ words, settings }) => {
      this.harness.rot(Number(words[0]), Number(settings.get('keep') ?? 0));
    },
    start: ({ words }) => this.harness.start(Number(words[0])),
    isolate: ({ words }) => this.harness.isolate(Number(words[0])),
    heal: () => this.harness.heal(),
    // connect 1 2: a stream from 1 to 2 stands, says 1's host.
    connect: ({ words }) => {
      const [id, peer] = words.map(Number) as [number, number];
      const { incarnation } = this.harness.node(peer);
      this.harness.act(id, (raft) =>
        raft.peerConnected(this.harness.nowMs, nodeId(peer), incarnation),
      );
    },
    // gone 2 1: the process of 1 is gone, says 2's host.
    gone: ({ words }) => {
      const [id, peer] = words.map(Number) as [number, number];
      const { incarnation } = this.harness.node(peer);
      this.harness.act(id, (raft) =>
        raft.peerProcessGone(this.harness.nowMs, nodeId(peer), incarnation),
      );
    },
    transfer: ({ words, settings }) => {
      const to = settings.get('to');
      const heir = to === undefined ? null : nodeId(Number(to));
      this.harness.act(Number(words[0]), (raft) => {
        const begun = raft.transferLeadership(this.harness.nowMs, heir);
        if (!begun) this.out.push('no transfer');
      });
    },
    show: () => this.showLogs(),
  };

  private begin(nodes: number, settings: ReadonlyMap<string, string>): void {
    const limits = {
      logWindowBytesMax: Number(settings.get('window') ?? defaultLimits.logWindowBytesMax),
      appendEntriesBytesMax: Number(settings.get('batch') ?? defaultLimits.appendEntriesBytesMax),
      snapshotChunkBytesMax: Number(settings.get('chunk') ?? defaultLimits.snapshotChunkBytesMax),
    };
    this.harness = new Harness({ nodes, limits });
    this.harness.witnesses.push({
      sent: (node, message) => this.saySent(node, message),
      traced: (_node, event) => this.out.push(traceLine(event)),
      received: (node, { index, id }, outcome) => {
        this.out.push(`  host ${node.id} has all of snapshot=${index}#${id}: ${outcome}`);
      },
    });
  }

  private append(settings: ReadonlyMap<string, string>): void {
    const pair = (text: string) => text.split('/').map(Number) as [number, number];
    const entries = (settings.get('entries') ?? '').split(',').map(pair);
    const numbersOf = (key: string) => Number(settings.get(key));
    this.harness.deliver(
      appendEntries(
        numbersOf('from'),
        numbersOf('to'),
        numbersOf('term'),
        pair(settings.get('prev')!),
        entries.map(([at, ofTerm]) => entryOf(at, ofTerm)),
      ),
    );
  }

  private quietly(act: () => void): void {
    this.loud = false;
    act();
    this.loud = true;
  }

  private propose(id: number, texts: readonly string[]): void {
    this.harness.act(id, (raft) => {
      for (const text of texts) {
        const record = unsealedRecord(bytesOf(text));
        const result = raft.propose(this.harness.nowMs, EntryType.Command, record);
        if (typeof result === 'string') this.out.push(`${text}: ${result}`);
      }
    });
  }

  private saySent(node: CoreNode, message: Message): void {
    if (!this.loud) return;
    const lost = this.harness.cutLinks.has(`${node.id}>${message.to}`) ? ' (lost)' : '';
    this.out.push(`  ${describe(message)}${lost}`);
  }

  /** What a node has newly handed to its disk, and what must wait for that. */
  private sayWaiting(node: CoreNode, after: number): void {
    if (node.raft === null) return;
    for (const persist of node.persists) {
      if (persist.sequence > after) this.out.push(`  disk ${node.id} ${diskLine(persist)}`);
    }
    for (const promise of node.promises) {
      if (promise.after > after) {
        this.out.push(`  held until #${promise.after}: ${describe(promise.message)}`);
      }
    }
    for (const { follower, from, to } of node.reads) {
      this.out.push(`  read ${node.id} for ${follower}: ${from}..${to}`);
    }
    for (const { follower, snapshot, offset } of node.snapshotReads) {
      const which = `snapshot=${snapshot.index}#${snapshot.id}`;
      this.out.push(`  slice ${node.id} for ${follower}: ${which} at=${offset}`);
    }
    for (const { snapshot, offset, bytes } of node.chunks) {
      const which = `snapshot=${snapshot.index}#${snapshot.id}`;
      this.out.push(`  take ${node.id}: ${which} at=${offset} bytes=${bytes.length}`);
    }
    if (node.install !== null) this.out.push(`  install ${node.id}: ${node.install.index}`);
  }

  private matcher(settings: ReadonlyMap<string, string>): (message: Message) => boolean {
    let left = Number(settings.get('count') ?? Number.POSITIVE_INFINITY);
    const chosen = new Map<Message, boolean>();
    const matches = (message: Message) =>
      String(message.from) === (settings.get('from') ?? String(message.from)) &&
      String(message.to) === (settings.get('to') ?? String(message.to)) &&
      message.kind === (settings.get('kind') ?? message.kind);
    return (message) => {
      // Asked twice about one message, it answers the same.
      const known = chosen.get(message);
      if (known !== undefined) return known;
      const choice = left > 0 && matches(message);
      if (choice) left--;
      chosen.set(message, choice);
      return choice;
    };
  }

  private showSnapshots(id: number): void {
    const of = this.harness.node(id).image.snapshots.map(({ index, id }) => `${index}#${id}`);
    this.out.push(`${id} has snapshots (${of.join(',')})`);
  }

  private showLogs(): void {
    for (const { id, raft } of this.harness.nodes) {
      if (raft === null) {
        this.out.push(`${id} down`);
        continue;
      }
      const terms = this.harness.terms(id).join(',');
      const { index, term } = raft.base;
      const base = index === 0 ? '' : `base=${index}/${term} `;
      this.out.push(
        `${id} ${raft.isSuspect ? 'suspect ' : ''}${raft.role} term=${raft.currentTerm} ${base}log=(${terms}) ` +
          `stable=${raft.stableIndex} commit=${raft.commitIndex}`,
      );
    }
  }
}

function traceLine(event: TraceEvent): string {
  switch (event.kind) {
    case 'role':
      return `${event.node} becomes ${event.role} in term ${event.term}: ${event.reason}`;
    case 'term':
      return `${event.node} enters term ${event.term}`;
    case 'vote':
      return `${event.node} votes for ${event.candidate} in term ${event.term}`;
    case 'leader':
      return `${event.node} follows ${event.leader} in term ${event.term}`;
    case 'append':
      return `${event.node} appends ${event.from}..${event.to}`;
    case 'truncate':
      return `${event.node} cuts from ${event.from} on`;
    case 'commit':
      return `${event.node} commits up to ${event.commitIndex}`;
    case 'snapshot':
      return `${event.node} resets its log to ${event.index}/${event.snapshotTerm}`;
    case 'compact':
      return `${event.node} compacts up to ${event.index}`;
    case 'reinstated':
      return `${event.node} is reinstated in term ${event.term}`;
  }
}

function diskLine(persist: Persist): string {
  const parts = [`#${persist.sequence}`];
  if (persist.hardState !== null) {
    parts.push(`term=${persist.hardState.currentTerm} vote=${persist.hardState.votedFor}`);
    if (persist.hardState.suspect) parts.push('suspect');
  }
  if (persist.reset !== null) parts.push(`reset=${persist.reset.index}/${persist.reset.term}`);
  if (persist.truncateFrom !== 0) parts.push(`cut=${persist.truncateFrom}`);
  const entries = persist.entries.map((entry) => `${entry.index}/${entry.term}`).join(',');
  if (entries !== '') parts.push(`entries=(${entries})`);
  return parts.join(' ');
}
