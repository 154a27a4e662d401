import { Observer } from './observer.ts';

/** Tells many observers everything, in their order: each only what it has overridden, so that what a
 *  judge does not care for costs nothing. */
export function observers(all: readonly Observer[]): Observer {
  /** Those who care for an event. */
  const who = (event: keyof Observer) =>
    all.filter((each) => each[event] !== Observer.prototype[event]);
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
      for (const each of began) each.began(world);
    },
    started: (node, recovery) => {
      for (const each of started) each.started(node, recovery);
    },
    stopped: (node, how, failure) => {
      for (const each of stopped) each.stopped(node, how, failure);
    },
    traced: (node, event) => {
      for (const each of traced) each.traced(node, event);
    },
    sent: (node, message) => {
      for (const each of sent) each.sent(node, message);
    },
    applied: (node, entry, reply) => {
      for (const each of applied) each.applied(node, entry, reply);
    },
    snapshotTaken: (node, info) => {
      for (const each of snapshotTaken) each.snapshotTaken(node, info);
    },
    snapshotInstalled: (node, info) => {
      for (const each of snapshotInstalled) each.snapshotInstalled(node, info);
    },
    durable: (node, change) => {
      for (const each of durable) each.durable(node, change);
    },
    directory: (node, names) => {
      for (const each of directory) each.directory(node, names);
    },
    stepped: (node) => {
      for (const each of stepped) each.stepped(node);
    },
    invoked: (operation) => {
      for (const each of invoked) each.invoked(operation);
    },
    returned: (operation, outcome) => {
      for (const each of returned) each.returned(operation, outcome);
    },
    damaged: (node, report) => {
      for (const each of damaged) each.damaged(node, report);
    },
    healed: (core) => {
      for (const each of healed) each.healed(core);
    },
    ended: () => {
      for (const each of ended) each.ended();
    },
  };
}
