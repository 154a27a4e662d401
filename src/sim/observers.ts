import { Observer } from './observer.ts';

/** Tells many observers everything, in their order: each only what it has overridden, so that what a
 *  judge does not care for costs nothing. */
export function observers(all: readonly Observer[]): Observer {
  const silent = Observer.prototype;
  /** Calls those who care for an event. */
  const toll = <E extends keyof Observer>(
    event: E,
    tell: (each: Observer, ...args: Parameters<Observer[E]>) => void,
  ) => {
    const who = all.filter((each) => each[event] !== silent[event]);
    return (...args: Parameters<Observer[E]>): void => {
      for (let i = 0; i < who.length; i++) tell(who[i]!, ...args);
    };
  };
  return {
    began: toll('began', (each, world) => each.began(world)),
    started: toll('started', (each, node, recovery) => each.started(node, recovery)),
    stopped: toll('stopped', (each, node, how, failure) => each.stopped(node, how, failure)),
    traced: toll('traced', (each, node, event) => each.traced(node, event)),
    sent: toll('sent', (each, node, message) => each.sent(node, message)),
    applied: toll('applied', (each, node, entry, reply) => each.applied(node, entry, reply)),
    durable: toll('durable', (each, node, change) => each.durable(node, change)),
    directory: toll('directory', (each, node, names) => each.directory(node, names)),
    stepped: toll('stepped', (each, node) => each.stepped(node)),
    invoked: toll('invoked', (each, operation) => each.invoked(operation)),
    returned: toll('returned', (each, operation, outcome) => each.returned(operation, outcome)),
    damaged: toll('damaged', (each, node, report) => each.damaged(node, report)),
    healed: toll('healed', (each, core) => each.healed(core)),
    ended: toll('ended', (each) => each.ended()),
  };
}
