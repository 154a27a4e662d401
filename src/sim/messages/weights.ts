import type { Prng } from '../../base/prng.ts';

/** What may happen at a step. */
export type Action =
  | 'deliver'
  | 'duplicate'
  | 'lose'
  | 'persist'
  | 'pass'
  | 'propose'
  | 'crash'
  | 'rot'
  | 'start'
  | 'cut'
  | 'isolate'
  | 'heal'
  | 'connect'
  | 'gone'
  | 'transfer'
  | 'read'
  | 'apply'
  | 'snapshot'
  | 'compact'
  | 'readSnapshot'
  | 'chunk'
  | 'absence'
  | 'replay'
  | 'calm';

/** How often each thing happens. Every seed draws its own, so that some runs are all partitions and
 *  others all crashes. */
export type Weights = Readonly<Record<Action, number>>;

export function drawWeights(random: Prng): Weights {
  const upTo = (most: number) => (random.chance(0.3) ? 0 : random.float() * most);
  return {
    deliver: 100,
    duplicate: upTo(6),
    lose: upTo(10),
    persist: 4 + random.float() * 30,
    pass: 10 + random.float() * 40,
    propose: 5 + random.float() * 10,
    crash: upTo(1.5),
    rot: upTo(0.8),
    start: 1.5,
    cut: upTo(1.5),
    isolate: upTo(1),
    heal: upTo(2),
    connect: upTo(4),
    gone: upTo(2),
    transfer: upTo(2),
    read: 8,
    apply: 8,
    snapshot: upTo(30),
    compact: upTo(20),
    readSnapshot: 1 + random.float() * 10,
    chunk: 1 + random.float() * 10,
    absence: 0.5 + random.float() * 2,
    replay: upTo(3),
    calm: 0.5 + random.float() * 3,
  };
}
