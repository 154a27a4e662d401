// A thread of its own for an attack, so that whoever measures meanwhile does not measure itself.
import { parentPort, workerData } from 'node:worker_threads';
import { Prng } from '../src/base/prng.ts';
import { attacks, Crowd, type Victim } from './attacks.ts';

export interface AttackOrder {
  readonly name: string;
  readonly victim: Victim;
}

const { name, victim } = workerData as AttackOrder;
const crowd = new Crowd(attacks.find((attack) => attack.name === name)!, victim, new Prng(1));
parentPort!.once('message', () => {
  crowd.end();
  parentPort!.postMessage('ended');
});
