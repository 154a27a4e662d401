import assert from 'node:assert/strict';
import process from 'node:process';
import { describe, it } from 'node:test';
import { cpuMs, parseIo, parseStat, processFigures, residentBytes } from '../../bench/processes.ts';

describe('what a process has used', () => {
  it('is read behind its name, whatever that is', () => {
    const rest =
      'S 1 2 3 0 -1 4194304 100 0 0 0 250 31 9 9 20 0 11 0 12345 1000 2000 18446744073709551615';
    for (const name of ['node', 'a b) c', '((', 'S 1 2 3']) {
      assert.deepEqual(parseStat(`77 (${name}) ${rest}\n`), { userMs: 2500, systemMs: 310 });
    }
  });

  it('counts calls and the bytes that they wrote, not whole folios', () => {
    const io =
      'rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 4096\ncancelled_write_bytes: 6\n';
    assert.deepEqual(parseIo(io), { reads: 3, writes: 4, writtenBytes: 2 });
  });

  it('grows with what this process does', { skip: process.platform !== 'linux' }, () => {
    const before = processFigures(process.pid);
    const untilMs = process.cpuUsage().user / 1000 + 100;
    while (process.cpuUsage().user / 1000 < untilMs);
    const spent = cpuMs(processFigures(process.pid)) - cpuMs(before);
    assert.ok(spent >= 80 && spent <= 1000, `${spent}`);
    assert.ok(residentBytes(process.pid) > 10e6);
  });
});
