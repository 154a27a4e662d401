import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Disk, DiskError } from '../../src/storage/disk.ts';

/** What every `Disk` does, real or simulated. `settle` lets callbacks come; `make` makes a new one. */
export interface DiskUnderTest {
  readonly name: string;
  make(): Disk;
  /** Lets callbacks come for a while: on a simulated disk, all of them. */
  settle(): Promise<void>;
}

const ROUNDS_MAX = 200;
const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'));
const text = (read: Uint8Array) => Buffer.from(read).toString('latin1');

function code(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    assert.ok(error instanceof DiskError, String(error));
    return error.code;
  }
  return 'none';
}

export function diskConformance(under: DiskUnderTest): void {
  const { name } = under;
  /** Waits for one callback, which must not come before the call returns. */
  const called = async <T>(start: (done: (result: T) => void) => void): Promise<T> => {
    const results: T[] = [];
    start((result) => results.push(result));
    assert.equal(results.length, 0, 'called back before the call returned');
    // A real disk takes as long as it takes.
    for (let round = 0; results.length === 0 && round < ROUNDS_MAX; round++) await under.settle();
    await under.settle();
    assert.equal(results.length, 1, 'called back exactly once');
    return results[0]!;
  };

  test(`${name}: a new directory lists nothing; files come sorted`, () => {
    const disk = under.make();
    assert.deepEqual(disk.list(), []);
    disk.create('b').close();
    disk.create('a').close();
    assert.deepEqual(disk.list(), ['a', 'b']);
  });

  test(`${name}: what is written is read, by every handle`, async () => {
    const disk = under.make();
    const file = disk.create('a');
    file.writeSync(0, bytes('hello world'));
    file.writeSync(6, bytes('there'));
    assert.equal(text(file.readSync(0, 11)), 'hello there');
    const into = new Uint8Array(6);
    const read = file.readSync(0, 5, into);
    assert.equal(read.buffer, into.buffer, 'read to where it was told to');
    assert.equal(text(read), 'hello');
    assert.equal(text(file.readSync(6, 6, into)), 'there', 'the file ends here');
    assert.equal(text(read), 'there', 'that memory is used again');
    assert.equal(text(file.readSync(0, 11, into)), 'hello there', 'more than it holds');
    const other = disk.open('a');
    assert.equal(other.name, 'a');
    assert.equal(text(other.readSync(6, 3)), 'the');
    assert.equal(await called((done) => file.write(0, bytes('HELLO'), done)), null);
    assert.equal(text(other.readSync(0, 11)), 'HELLO there');
    file.close();
    other.close();
  });

  test(`${name}: reads end with the file`, async () => {
    const disk = under.make();
    const file = disk.create('a');
    file.writeSync(0, bytes('12345'));
    assert.equal(text(file.readSync(3, 10)), '45');
    assert.equal(text(file.readSync(9, 10)), '');
    for (const [offset, length, expected] of [
      [3, 10, '45'],
      [9, 10, ''],
      [1, 3, '234'],
      [2, 0, ''],
    ] as const) {
      const read = await called<[DiskError | null, Uint8Array]>((done) =>
        file.read(offset, length, (error, got) => done([error, got])),
      );
      assert.equal(read[0], null);
      assert.equal(text(read[1]), expected);
    }
    file.close();
  });

  test(`${name}: what is read is the reader's own, and no Buffer`, async () => {
    const disk = under.make();
    const file = disk.create('a');
    file.writeSync(0, bytes('12345'));
    const read = file.readSync(0, 5);
    // The slice of a Buffer is no copy, and the layers above rely on one.
    assert.equal(Object.getPrototypeOf(read), Uint8Array.prototype);
    read[0] = 0;
    assert.equal(text(file.readSync(0, 5)), '12345');
    const later = await called<Uint8Array>((done) => file.read(0, 5, (_, got) => done(got)));
    assert.equal(Object.getPrototypeOf(later), Uint8Array.prototype);
    file.close();
  });

  test(`${name}: past the end, the gap is zeros`, async () => {
    const disk = under.make();
    const file = disk.create('a');
    file.writeSync(4, bytes('x'));
    assert.equal(await called((done) => file.write(7, bytes('y'), done)), null);
    assert.equal(file.size(), 8);
    assert.equal(text(file.readSync(0, 8)), '\0\0\0\0x\0\0y');
    file.close();
  });

  test(`${name}: syncs`, async () => {
    const disk = under.make();
    const file = disk.create('a');
    file.writeSync(0, bytes('abc'));
    file.syncSync();
    file.writeSync(1, bytes('B'));
    assert.equal(await called((done) => file.sync(done)), null);
    disk.syncDirectorySync();
    assert.equal(await called((done) => disk.syncDirectory(done)), null);
    assert.equal(text(file.readSync(0, 3)), 'aBc');
    file.close();
  });

  test(`${name}: create empties what is there; rename replaces; remove removes`, () => {
    const disk = under.make();
    const first = disk.create('a');
    first.writeSync(0, bytes('old'));
    first.close();
    const emptied = disk.create('a');
    assert.equal(emptied.size(), 0);
    emptied.writeSync(0, bytes('new'));
    emptied.close();
    const target = disk.create('b');
    target.writeSync(0, bytes('target'));
    target.close();
    disk.rename('a', 'b');
    assert.deepEqual(disk.list(), ['b']);
    const renamed = disk.open('b');
    assert.equal(text(renamed.readSync(0, 9)), 'new');
    renamed.close();
    disk.remove('b');
    assert.deepEqual(disk.list(), []);
    disk.create('c').close();
    disk.removeIfThere('c');
    disk.removeIfThere('c');
    assert.deepEqual(disk.list(), []);
  });

  test(`${name}: what is not there is ENOENT`, () => {
    const disk = under.make();
    assert.equal(
      code(() => disk.open('a')),
      'ENOENT',
    );
    assert.equal(
      code(() => disk.rename('a', 'b')),
      'ENOENT',
    );
    assert.equal(
      code(() => disk.remove('a')),
      'ENOENT',
    );
  });

  test(`${name}: large writes and reads arrive whole`, async () => {
    const disk = under.make();
    const file = disk.create('a');
    const large = new Uint8Array(3 * 1024 * 1024 + 7);
    for (let at = 0; at < large.length; at += 511) large[at] = at;
    assert.equal(await called((done) => file.write(513, large, done)), null);
    const read = await called<Uint8Array>((done) =>
      file.read(513, large.length, (_, got) => done(got)),
    );
    assert.equal(Buffer.compare(read, large), 0);
    file.close();
  });
}
