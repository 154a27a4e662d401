import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../../src/base/prng.ts';
import { type Address, NOWHERE, offsetOf, pageOf, Slab } from '../../src/kv/slab.ts';

/** Fills a cell with its own pattern, and tells whether it still has it. */
function fill(slab: Slab, address: Address, bytes: number): void {
  const at = offsetOf(address);
  slab.pageBytes[pageOf(address)]!.fill((address * 31) & 0xff, at, at + bytes);
}
function isIntact(slab: Slab, address: Address, bytes: number): boolean {
  const at = offsetOf(address);
  const cell = slab.pageBytes[pageOf(address)]!.subarray(at, at + bytes);
  return cell.length === bytes && cell.every((byte) => byte === ((address * 31) & 0xff));
}

test('cells never overlap, whatever is taken and given back', () => {
  const random = new Prng(7);
  const slab = new Slab();
  const cells: { address: Address; bytes: number }[] = [];
  const sizes = [1, 16, 17, 100, 116, 512, 700, 4000, 32_768, 32_769, 100_000];
  for (let i = 0; i < 20_000; i++) {
    // Waves, so that pages fill, empty, and serve other sizes.
    if (cells.length === 0 || random.chance(Math.floor(i / 2000) % 2 === 0 ? 0.7 : 0.2)) {
      const bytes = random.chance(0.9) ? 1 + random.below(600) : sizes[random.below(sizes.length)]!;
      const address = slab.allocate(bytes);
      assert.notEqual(address, NOWHERE);
      fill(slab, address, bytes);
      cells.push({ address, bytes });
    } else {
      const at = random.below(cells.length);
      const cell = cells[at]!;
      assert.ok(isIntact(slab, cell.address, cell.bytes), `cell ${cell.address}`);
      slab.free(cell.address);
      cells[at] = cells[cells.length - 1]!;
      cells.pop();
    }
  }
  for (const { address, bytes } of cells) assert.ok(isIntact(slab, address, bytes));
});

test('memory given back serves cells of other sizes', () => {
  const slab = new Slab();
  const fillOnce = (bytes: number) => {
    const cells = Array.from({ length: Math.floor(16e6 / bytes) }, () => slab.allocate(bytes));
    const reserved = slab.bytesReserved;
    for (const cell of cells) slab.free(cell);
    return reserved;
  };
  const first = fillOnce(100);
  for (const bytes of [36, 200, 1000, 9000, 30_000, 50, 640]) {
    // A page or two of each size that was there before may stay with it.
    assert.ok(fillOnce(bytes) < 1.25 * first, `${bytes} bytes: ${slab.bytesReserved} reserved`);
  }
  // Of what is not used, no more is kept than the spare pages and one page of each size.
  assert.ok(slab.bytesReserved < (16 + 9) * 256 * 1024, `${slab.bytesReserved}`);
});

test('a cell that is larger than a page gives its memory back at once', () => {
  const slab = new Slab();
  const cell = slab.allocate(5_000_000);
  assert.ok(slab.bytesReserved >= 5_000_000);
  slab.free(cell);
  assert.equal(slab.bytesReserved, 0);
  assert.equal(pageOf(slab.allocate(5_000_000)), pageOf(cell), 'its number is used again');
});

test('an eighth of a cell at most is unused', () => {
  const slab = new Slab();
  for (const bytes of [120, 500, 520, 1000, 5000, 30_000]) {
    assert.ok(slab.fits(bytes, bytes));
    assert.ok(!slab.fits(bytes, bytes + (bytes >> 3) + 32), `${bytes}`);
    assert.ok(!slab.fits(bytes, 100_000));
  }
  assert.ok(slab.fits(100_000, 100_000));
  assert.ok(!slab.fits(100_000, 101_000));
});
