import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseSyscalls } from '../../bench/syscalls.ts';

const said = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 54.12    0.100200          33      3000           fdatasync
 30.00    0.050000          10      5000       120 read
  0.00    0.000000           0        12           madvise
------ ----------- ----------- --------- --------- ----------------
100.00    0.150200          18      8012       120 total
`;

describe('the output of strace -c', () => {
  it('is calls by name, with errors or without, and no total', () => {
    assert.deepEqual(parseSyscalls(said), [
      ['read', 5000],
      ['fdatasync', 3000],
      ['madvise', 12],
    ]);
  });

  it('of a process that called nothing is empty', () => {
    assert.deepEqual(parseSyscalls(''), []);
  });
});
