/** Words of the protocol are ASCII, and their case does not matter. */

const LOWER_A = 0x61;
const LOWER_Z = 0x7a;
const CASE_BIT = 0x20;

/** Whether `bytes` is `word` in any case. @param word in lower case */
export function isWord(bytes: Uint8Array, word: string): boolean {
  if (bytes.length !== word.length) return false;
  for (let i = 0; i < word.length; i++) {
    if (lowerCase(bytes[i]!) !== word.charCodeAt(i)) return false;
  }
  return true;
}

/** The same for every case of a word; a small non-negative integer. */
export function wordHash(bytes: Uint8Array): number {
  let hash = bytes.length;
  for (let i = 0; i < bytes.length; i++) hash = (hash * 31 + lowerCase(bytes[i]!)) & 0xffffff;
  return hash;
}

function lowerCase(byte: number): number {
  const lower = byte | CASE_BIT;
  return lower >= LOWER_A && lower <= LOWER_Z ? lower : byte;
}
