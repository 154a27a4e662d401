import assert from 'node:assert/strict';
import { it } from 'node:test';
import { NodeClock } from '../../src/node/clock.ts';
import { clockConformance } from '../conformance/clock.ts';
import { pass, until } from './host.ts';

const clock = new NodeClock();
clockConformance('node', { clock, until });

it('node: the clock asks no timeout for more than it can (2^31 - 1 ms)', async () => {
  const warnings: string[] = [];
  const listen = ({ name }: Error) => warnings.push(name);
  process.on('warning', listen);
  const timer = clock.timer(clock.now() + 2 ** 40, () => assert.fail('early'));
  await pass(20);
  timer.cancel();
  process.off('warning', listen);
  assert.deepEqual(warnings, []);
});
