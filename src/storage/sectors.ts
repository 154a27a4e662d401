/**
 * The unit in which a disk writes: whole or not at all. Devices with larger sectors, and file
 * systems that write pages, tear at multiples of it.
 */
export const SECTOR_BYTES = 512;

/** The smallest multiple of a sector that holds `bytes`. */
export function sectorsUp(bytes: number): number {
  return Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES;
}

/** The largest multiple of a sector within `bytes`. */
export function sectorsDown(bytes: number): number {
  return Math.floor(bytes / SECTOR_BYTES) * SECTOR_BYTES;
}

/** Where the first byte in [from, to) stands that is not zero; `to` when all are. */
export function firstNonZero(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && (bytes.byteOffset + at) % 4 !== 0) if (bytes[at++] !== 0) return at - 1;
  if (to - at < 4) {
    while (at < to && bytes[at] === 0) at++;
    return at;
  }
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, Math.floor((to - at) / 4));
  let word = 0;
  while (word < words.length && words[word] === 0) word++;
  at += word * 4;
  while (at < to && bytes[at] === 0) at++;
  return at;
}

export function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  return firstNonZero(bytes, from, to) === to;
}

/** The end of the last sector in [from, to) that is not all zeros; `from` when all are. */
export function lastNonZeroSectorEnd(bytes: Uint8Array, from: number, to: number): number {
  let end = from;
  for (let at = from; at < to; at += SECTOR_BYTES) {
    const nonZero = firstNonZero(bytes, at, to);
    if (nonZero === to) break;
    at += sectorsDown(nonZero - at);
    end = Math.min(at + SECTOR_BYTES, to);
  }
  return end;
}

/** How many whole sectors of [from, to) are all zeros. `from` starts a sector. */
export function countZeroSectors(bytes: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let at = from; at + SECTOR_BYTES <= to; at += SECTOR_BYTES) {
    if (bytes[at] === 0 && isZero(bytes, at, at + SECTOR_BYTES)) count++;
  }
  return count;
}
