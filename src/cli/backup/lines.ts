import { usageError } from '../exit.ts';

/** A line of a value of 1 MiB in base64, or all of it escaped, is shorter. */
export const LINE_BYTES_MAX = 16 * 1024 * 1024;
const LF = 10;
const CR = 13;

/**
 * The lines of a text that comes in chunks; an empty last one is none. They are decoded strictly: bytes
 * that are no UTF-8 would turn into others.
 * @throws CliError, with the number of the line.
 */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly number: number; readonly text: string }> {
  let parts: Uint8Array[] = [];
  let length = 0;
  let number = 1;
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, from)) {
      yield { number, text: decode([...parts, chunk.subarray(from, end)], number) };
      parts = [];
      length = 0;
      number++;
      from = end + 1;
    }
    if (from === chunk.length) continue;
    parts.push(chunk.slice(from));
    length += chunk.length - from;
    if (length > LINE_BYTES_MAX) throw usageError(`line ${number} has more than 16 MiB`);
  }
  if (length > 0) yield { number, text: decode(parts, number) };
}

function decode(parts: readonly Uint8Array[], number: number): string {
  const bytes = Buffer.concat(parts);
  const end = bytes.at(-1) === CR ? bytes.length - 1 : bytes.length;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, end));
  } catch {
    throw usageError(`line ${number}: not UTF-8`, 'bytes that are none stand in key64 and value64');
  }
}
