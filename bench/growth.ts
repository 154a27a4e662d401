import { type Benchmark, count, flag, text } from './benchmark.ts';
import { growthOfKeys } from './growth-keys.ts';
import { growthOfLog } from './growth-log.ts';
import { growthOfNodes } from './growth-nodes.ts';
import { namesOf, type Parts, runParts } from './parts.ts';
import { slowFollower } from './slow-follower.ts';

/** Each grows one thing, and holds the others. */
const parts: Parts = {
  nodes: growthOfNodes,
  keys: growthOfKeys,
  log: growthOfLog,
  slow: slowFollower,
};

export const growth: Benchmark = {
  name: 'growth',
  summary: 'What becomes of it with more nodes, keys, log, and with a slow follower?',
  options: [
    text('part', 'NAME,…', 'which of them', namesOf(parts)),
    count('rounds', 'N', 'how often each measurement is repeated', 3),
    count('seconds', 'S', 'how long each measurement takes', 3),
    text('keys', 'N,N,…', 'how many keys, growing', '1000,10000,100000,1000000'),
    count('settle', 'S', 'after filling, before memory is looked at', 100),
    text('log', 'N,N,…', 'how many writes in the log, growing', '10000,100000,1000000'),
    flag('full', 'keys and log up to 3 million'),
  ],
  quick: { rounds: '1', seconds: '1', settle: '2', keys: '1000,20000', log: '1000,20000' },
  examples: ['--part keys --keys 1000000', '--part nodes,slow', '--part log --log 500000,5000000'],
  run: (context) => runParts(parts, context),
};
