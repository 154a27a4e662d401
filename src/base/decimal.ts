/**
 * Decimal numbers of INCRBYFLOAT, exact: a whole number of 10^-`scale`, as a bigint.
 *
 * Redis adds 80-bit floats and prints 17 digits behind the point, so there 1000.1 + 0.2 is
 * 1000.29999999999999999, and what it is depends on the processor. Here every replica must get the
 * same bytes, and the sum of two decimals is a decimal: 1000.3. Only what goes on behind the 17th
 * digit is rounded (half to even), as in Redis.
 */
export interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

/** 1.19e4932 is the largest 80-bit float, 3.6e-4951 the least: Redis takes nothing beyond. */
const EXPONENT_MAX = 4932;
const EXPONENT_MIN = -4950;
/** Redis reads no longer text. */
const TEXT_MAX = 5 * 1024;
const FRACTION_DIGITS = 17;
const LIMIT = 10n ** BigInt(EXPONENT_MAX);

const FORM = /^[+-]?(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:[eE]([+-]?\d+))?$/;
const INFINITE = /^[+-]?inf(?:inity)?$/i;

/**
 * Reads what C's `strtold` reads, but for hexadecimal: "3", "-.5", "1e3". "infinite" is read too,
 * because Redis refuses it later, with another error.
 * @returns null when it is nothing of the kind, or beyond what Redis can hold.
 */
export function parseDecimal(text: string): Decimal | 'infinite' | null {
  if (text.length >= TEXT_MAX) return null;
  const parts = FORM.exec(text);
  if (parts === null) return INFINITE.test(text) ? 'infinite' : null;
  const [, whole = '', fraction = '', bare = '', exponentText = '0'] = parts;
  const digits = `${whole}${fraction}${bare}`.replace(/^0+/, '');
  if (digits === '') return { units: 0n, scale: 0 };
  const exponent = Number(exponentText);
  const scale = fraction.length + bare.length - exponent;
  const magnitude = digits.length - scale - 1; // of the first digit
  if (magnitude >= EXPONENT_MAX || magnitude < EXPONENT_MIN) return null;
  const units = BigInt(text.startsWith('-') ? `-${digits}` : digits);
  return scale < 0 ? { units: units * 10n ** BigInt(-scale), scale: 0 } : { units, scale };
}

/** @returns null when the sum is beyond what Redis can hold. */
export function addDecimals(a: Decimal, b: Decimal): Decimal | null {
  const scale = Math.max(a.scale, b.scale);
  const units = scaled(a, scale) + scaled(b, scale);
  const limit = LIMIT * 10n ** BigInt(scale);
  return units >= limit || units <= -limit ? null : { units, scale };
}

/** Without an exponent, with at most 17 digits behind the point, and no zeros at the end. */
export function formatDecimal(value: Decimal): string {
  const { units, scale } = value.scale > FRACTION_DIGITS ? rounded(value) : value;
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '');
  const sign = units < 0n ? '-' : '';
  return sign + whole + (fraction === '' ? '' : `.${fraction}`);
}

function scaled({ units, scale }: Decimal, to: number): bigint {
  return units * 10n ** BigInt(to - scale);
}

/** To 17 digits behind the point, half to even. */
function rounded({ units, scale }: Decimal): Decimal {
  const divisor = 10n ** BigInt(scale - FRACTION_DIGITS);
  const negative = units < 0n;
  const magnitude = negative ? -units : units;
  let quotient = magnitude / divisor;
  const twice = 2n * (magnitude % divisor);
  if (twice > divisor || (twice === divisor && quotient % 2n === 1n)) quotient++;
  return { units: negative ? -quotient : quotient, scale: FRACTION_DIGITS };
}
