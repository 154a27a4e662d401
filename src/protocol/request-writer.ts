import { ByteWriter } from '../base/bytes.ts';
import { utf8Length, writeUtf8 } from '../base/utf8.ts';

/** Appends a request as a RESP array of bulk strings. Strings are sent as UTF-8. */
export function writeRequest(out: ByteWriter, args: readonly (string | Uint8Array)[]): void {
  out.rawText(`*${args.length}\r\n`);
  for (const arg of args) {
    if (typeof arg === 'string') {
      const length = utf8Length(arg);
      out.rawText(`$${length}\r\n`);
      out.reserve(length);
      out.length += writeUtf8(out.bytes, out.length, arg);
    } else out.rawText(`$${arg.length}\r\n`).raw(arg);
    out.rawText('\r\n');
  }
}

/** One request, in bytes of its own. */
export function encodeRequest(args: readonly (string | Uint8Array)[]): Uint8Array {
  const out = new ByteWriter(64);
  writeRequest(out, args);
  return out.copy();
}
