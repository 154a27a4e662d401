import { NodeClock } from '../../src/node/clock.ts';
import { clockConformance } from '../conformance/clock.ts';
import { until } from './host.ts';

clockConformance('node', { clock: new NodeClock(), until });
