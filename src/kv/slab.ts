import { assert } from '../base/assert.ts';

/** Where a cell is: its page, and behind that, in units of 16 bytes, its place within the page: a
 *  number of 31 bits. 0 is nowhere. */
export type Address = number;
export const NOWHERE: Address = 0;

const UNIT_BITS = 4;
const PAGE_BITS = 18;
const UNIT_BYTES = 1 << UNIT_BITS;
const PAGE_BYTES = 1 << PAGE_BITS;
const PLACE_BITS = PAGE_BITS - UNIT_BITS;
const PLACE_MASK = (1 << PLACE_BITS) - 1;
const PAGES_MAX = 2 ** (31 - PLACE_BITS);
/** Larger cells have a page of their own. */
const SHARED_UNITS_MAX = 2048;
/** Pages without a cell that are kept for the next class that needs one. */
const SPARE_PAGES_MAX = 16;

/** The sizes of cells, in units: one apart at first, then an eighth apart, so that at most an eighth
 *  of a cell is unused. */
const CLASS_UNITS: readonly number[] = makeClasses();
const CLASS_OF_UNITS = makeClassOfUnits();

/** A page holds cells of one size. */
class Page {
  readonly number: number;
  bytes: Uint8Array;
  /** The same memory. */
  words: Int32Array;
  cellUnits = 0;
  used = 0;
  /** Cells from this unit on were never used. */
  untouched = 0;
  /** Cells given back, each with the place of the next in its first word; -1: none. */
  freePlace = -1;
  /** Its neighbours among the pages of its class that have room. */
  previous: Page | null = null;
  next: Page | null = null;

  constructor(number: number, bytes: number) {
    this.number = number;
    const buffer = new ArrayBuffer(bytes);
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
  }

  get hasRoom(): boolean {
    return this.freePlace !== -1 || (this.untouched + this.cellUnits) * UNIT_BYTES <= PAGE_BYTES;
  }
}

/** Stands where no page is. */
const EMPTY = new Page(0, 0);

/**
 * Memory for many small things that the garbage collector never looks at: cells of a few sizes, cut
 * from pages (Bonwick, "The Slab Allocator", 1994). A page whose last cell is given back serves
 * another size, so memory goes where the data goes.
 */
export class Slab {
  /** The bytes of each page, and the same memory as signed 32-bit words in the host's order. Of a
   *  number that is not in use, what was there last or an empty page. */
  readonly pageBytes: Uint8Array[] = [EMPTY.bytes];
  readonly pageWords: Int32Array[] = [EMPTY.words];
  private readonly pages: (Page | null)[] = [EMPTY];
  private readonly freeNumbers: number[] = [];
  private readonly roomy: (Page | null)[] = CLASS_UNITS.map(() => null);
  private readonly spares: Page[] = [];
  private reserved = 0;

  /** Memory taken from the host, in bytes, spare pages included. */
  get bytesReserved(): number {
    return this.reserved;
  }

  /** A cell of at least so many bytes. What it holds is undefined. */
  allocate(bytes: number): Address {
    const units = (bytes + UNIT_BYTES - 1) >> UNIT_BITS;
    if (units > SHARED_UNITS_MAX) return this.allocateAlone(units);
    const sizeClass = CLASS_OF_UNITS[units]!;
    const page = this.roomy[sizeClass] ?? this.openPage(sizeClass);
    let place = page.freePlace;
    if (place !== -1) {
      page.freePlace = page.words[place << 2]!;
    } else {
      place = page.untouched;
      page.untouched += page.cellUnits;
    }
    page.used++;
    if (!page.hasRoom) this.unlink(page, sizeClass);
    return (page.number << PLACE_BITS) | place;
  }

  free(address: Address): void {
    const page = this.pages[pageOf(address)]!;
    if (page.cellUnits > SHARED_UNITS_MAX) {
      this.dropPage(page);
      return;
    }
    const sizeClass = CLASS_OF_UNITS[page.cellUnits]!;
    const hadRoom = page.hasRoom;
    const place = address & PLACE_MASK;
    page.words[place << 2] = page.freePlace;
    page.freePlace = place;
    page.used--;
    if (!hadRoom) this.link(page, sizeClass);
    // One empty page stays with its class: it would be taken again at once.
    if (page.used === 0 && (page.previous !== null || page.next !== null)) {
      this.unlink(page, sizeClass);
      this.closePage(page);
    }
  }

  /** Whether a cell that was asked for with `had` bytes is the one that `wanted` would get. */
  fits(had: number, wanted: number): boolean {
    const hadUnits = (had + UNIT_BYTES - 1) >> UNIT_BITS;
    const units = (wanted + UNIT_BYTES - 1) >> UNIT_BITS;
    if (hadUnits > SHARED_UNITS_MAX || units > SHARED_UNITS_MAX) return hadUnits === units;
    return CLASS_OF_UNITS[hadUnits] === CLASS_OF_UNITS[units];
  }

  private openPage(sizeClass: number): Page {
    const page = this.spares.pop() ?? this.newPage(PAGE_BYTES);
    page.cellUnits = CLASS_UNITS[sizeClass]!;
    page.used = 0;
    page.untouched = 0;
    page.freePlace = -1;
    this.link(page, sizeClass);
    return page;
  }

  private closePage(page: Page): void {
    if (this.spares.length < SPARE_PAGES_MAX) this.spares.push(page);
    else this.dropPage(page);
  }

  private allocateAlone(units: number): Address {
    const page = this.newPage(units * UNIT_BYTES);
    page.cellUnits = units;
    page.used = 1;
    return page.number << PLACE_BITS;
  }

  private newPage(bytes: number): Page {
    const number = this.freeNumbers.pop() ?? this.pages.length;
    assert(number < PAGES_MAX, () => `more than ${PAGES_MAX} pages of data`);
    const page = new Page(number, bytes);
    this.pages[number] = page;
    this.pageBytes[number] = page.bytes;
    this.pageWords[number] = page.words;
    this.reserved += bytes;
    return page;
  }

  private dropPage(page: Page): void {
    this.pages[page.number] = null;
    this.pageBytes[page.number] = EMPTY.bytes;
    this.pageWords[page.number] = EMPTY.words;
    this.freeNumbers.push(page.number);
    this.reserved -= page.bytes.length;
  }

  private link(page: Page, sizeClass: number): void {
    const first = this.roomy[sizeClass]!;
    page.previous = null;
    page.next = first;
    if (first !== null) first.previous = page;
    this.roomy[sizeClass] = page;
  }

  private unlink(page: Page, sizeClass: number): void {
    if (page.previous === null) this.roomy[sizeClass] = page.next;
    else page.previous.next = page.next;
    if (page.next !== null) page.next.previous = page.previous;
    page.previous = null;
    page.next = null;
  }
}

export function pageOf(address: Address): number {
  return address >>> PLACE_BITS;
}

/** Where the cell starts within its page, in bytes. */
export function offsetOf(address: Address): number {
  return (address & PLACE_MASK) << UNIT_BITS;
}

function makeClasses(): number[] {
  const classes: number[] = [];
  for (let units = 1; units < SHARED_UNITS_MAX; units += Math.max(1, units >> 3)) {
    classes.push(units);
  }
  return [...classes, SHARED_UNITS_MAX];
}

function makeClassOfUnits(): Uint8Array {
  const classOf = new Uint8Array(SHARED_UNITS_MAX + 1);
  let sizeClass = 0;
  for (let units = 1; units <= SHARED_UNITS_MAX; units++) {
    if (units > CLASS_UNITS[sizeClass]!) sizeClass++;
    classOf[units] = sizeClass;
  }
  return classOf;
}
