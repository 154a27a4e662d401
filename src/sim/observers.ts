import { Observer } from './observer.ts';

/**
 * Tells many observers everything, in their order: each only what it has overridden, so that what a
 * judge does not care for costs nothing. The methods are looked up once: at a call that meets twenty
 * classes, finding the method costs more than many a judge does with it.
 */
export function observers(all: readonly Observer[]): Observer {
  /** For those who care for the event. */
  const who = <Event extends keyof Observer>(event: Event): readonly Observer[Event][] =>
    all
      .filter((each) => each[event] !== Observer.prototype[event])
      .map((each) => each[event].bind(each) as Observer[Event]);
  const began = who('began');
  const started = who('started');
  const stopped = who('stopped');
  const traced = who('traced');
  const sent = who('sent');
  const applied = who('applied');
  const snapshotTaken = who('snapshotTaken');
  const snapshotInstalled = who('snapshotInstalled');
  const durable = who('durable');
  const directory = who('directory');
  const stepped = who('stepped');
  const invoked = who('invoked');
  const returned = who('returned');
  const damaged = who('damaged');
  const healed = who('healed');
  const ended = who('ended');
  return {
    began: (world) => {
      for (const tell of began) tell(world);
    },
    started: (node, recovery) => {
      for (const tell of started) tell(node, recovery);
    },
    stopped: (node, how, failure) => {
      for (const tell of stopped) tell(node, how, failure);
    },
    traced: (node, event) => {
      for (const tell of traced) tell(node, event);
    },
    sent: (node, message) => {
      for (const tell of sent) tell(node, message);
    },
    applied: (node, entry, reply) => {
      for (const tell of applied) tell(node, entry, reply);
    },
    snapshotTaken: (node, info) => {
      for (const tell of snapshotTaken) tell(node, info);
    },
    snapshotInstalled: (node, info) => {
      for (const tell of snapshotInstalled) tell(node, info);
    },
    durable: (node, change) => {
      for (const tell of durable) tell(node, change);
    },
    directory: (node, names) => {
      for (const tell of directory) tell(node, names);
    },
    stepped: (node) => {
      for (const tell of stepped) tell(node);
    },
    invoked: (operation) => {
      for (const tell of invoked) tell(operation);
    },
    returned: (operation, outcome) => {
      for (const tell of returned) tell(operation, outcome);
    },
    damaged: (node, report) => {
      for (const tell of damaged) tell(node, report);
    },
    healed: (core) => {
      for (const tell of healed) tell(core);
    },
    ended: () => {
      for (const tell of ended) tell();
    },
  };
}
