/** The polynomial of CRC-32, reflected: the coefficient of x^31 is the lowest bit. */
const POLYNOMIAL = 0xedb88320;
/** x^0, reflected. */
const ONE = 2 ** 31;

/**
 * A CRC-32 is a remainder of polynomials, so that of two strings of bytes follows from theirs:
 *
 *     crc32(a b) = crc32Shifted(crc32(a), crc32Shift(length of b)) ^ crc32(b)
 *
 * That is how a checksum over a whole is had from the checksums of its parts, and none of the bytes
 * looked at again. (zlib's `crc32_combine`, by Mark Adler.)
 *
 * @returns x^(8 × length) modulo the polynomial: what so many bytes behind it make of a checksum.
 */
export function crc32Shift(length: number): number {
  let power = ONE;
  // x^8, and then its squares.
  let square = ONE >>> 8;
  for (let rest = length; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) power = crc32Shifted(power, square);
    square = crc32Shifted(square, square);
  }
  return power;
}

/** The product of both modulo the polynomial, as an unsigned number of 32 bits. */
export function crc32Shifted(crc: number, shift: number): number {
  let product = 0;
  let factor = shift;
  for (let rest = crc | 0; rest !== 0; rest <<= 1) {
    if (rest < 0) product ^= factor;
    factor = factor & 1 ? (factor >>> 1) ^ POLYNOMIAL : factor >>> 1;
  }
  return product >>> 0;
}
