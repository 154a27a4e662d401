import { byteString } from '../../src/base/bytes.ts';
import type { Command } from '../../src/kv/command.ts';
import type { Comparison } from '../../src/kv/command-fields.ts';
import type { LayoutCommandOf, LayoutKind } from '../../src/kv/command-layouts.ts';
import { array, bulk, error, integer, NULL, OK, type Reply, simple } from '../../src/kv/reply.ts';
import { xxh3Hex } from '../../src/kv/xxh3.ts';
import { bytes } from './commands.ts';

export const NOT_AN_INTEGER = error('ERR value is not an integer or out of range');
export const OVERFLOW = error('ERR increment or decrement would overflow');
export const TOO_LONG = error('ERR string exceeds maximum allowed size (proto-max-bulk-len)');

type Handlers = { [K in LayoutKind]: (command: LayoutCommandOf<K>) => Reply | 'any key' };

/**
 * The state machine again, as dumb as it can be: entries of an array in the order of their creation,
 * arithmetic on bigints, patterns as regular expressions.
 */
export class Model {
  entries: { key: string; value: string; serial: number }[] = [];
  revision = 0;
  created = 0;

  apply(command: Command): Reply | 'any key' {
    if (command.kind === 'set') return this.set(command);
    if (command.kind === 'incrby') return this.incrBy(command.key, BigInt(command.delta));
    if (command.kind === 'get') return this.value(command.key);
    if (command.kind === 'exists') {
      return integer(command.keys.filter((key) => this.find(key) !== undefined).length);
    }
    if (command.kind === 'del') return integer(this.remove(...command.keys));
    const handler = this.handlers[command.kind] as (command: unknown) => Reply | 'any key';
    return handler(command);
  }

  private readonly handlers: Handlers = {
    mget: ({ keys }) => array(keys.map((key) => this.value(key))),
    mset: ({ pairs }) => {
      this.change(() => {
        for (const { key, value } of pairs) this.write(key, byteString(value));
      });
      return OK;
    },
    msetnx: (command) => {
      if (command.pairs.some(({ key }) => this.find(key) !== undefined)) return integer(0);
      this.handlers.mset({ ...command, kind: 'mset' });
      return integer(1);
    },
    setnx: ({ key, value }) => {
      if (this.find(key) !== undefined) return integer(0);
      this.put(key, byteString(value));
      return integer(1);
    },
    getdel: ({ key }) => {
      const value = this.value(key);
      this.remove(key);
      return value;
    },
    delex: ({ key, comparison, comparand }) => {
      const old = this.find(key);
      const allowed = old !== undefined && this.compares(comparison, old, byteString(comparand));
      return integer(allowed ? this.remove(key) : 0);
    },
    incrbyfloat: () => {
      throw new Error('it has a test of its own');
    },
    append: ({ key, value, valueBytesMax }) => {
      const old = this.find(key);
      if (old === undefined || value.length > 0) {
        const whole = (old ?? '') + byteString(value);
        if (old !== undefined && whole.length > valueBytesMax) return TOO_LONG;
        this.put(key, whole);
        return integer(whole.length);
      }
      return integer(old.length);
    },
    setrange: ({ key, offset, value, valueBytesMax }) => {
      const old = this.find(key) ?? '';
      if (value.length === 0) return integer(old.length);
      const start = Number(offset);
      if (start < 0 || start + value.length > valueBytesMax) return TOO_LONG;
      const padded = old.padEnd(start, '\0');
      const whole = padded.slice(0, start) + byteString(value) + padded.slice(start + value.length);
      this.put(key, whole);
      return integer(whole.length);
    },
    getrange: ({ key, start, end }) => {
      const value = this.find(key) ?? '';
      if (start < 0 && end < 0 && start > end) return bulk('');
      const absolute = (i: number) => Math.max(0, i < 0 ? i + value.length : i);
      return bulk(value.slice(absolute(Number(start)), absolute(Number(end)) + 1));
    },
    strlen: ({ key }) => integer(this.find(key)?.length ?? 0),
    digest: ({ key }) => {
      const value = this.find(key);
      return value === undefined ? NULL : bulk(xxh3Hex(bytes(value)));
    },
    type: ({ key }) => simple(this.find(key) === undefined ? 'none' : 'string'),
    ttl: ({ key }) => integer(this.find(key) === undefined ? -2 : -1),
    rename: ({ key, newKey }) => this.rename(key, newKey) ?? OK,
    renamenx: ({ key, newKey }) => {
      const taken = this.find(key) !== undefined && this.find(newKey) !== undefined;
      return taken ? integer(0) : (this.rename(key, newKey) ?? integer(1));
    },
    copy: ({ source, destination, replace }) => {
      if (byteString(source) === byteString(destination)) {
        return error('ERR source and destination objects are the same');
      }
      const value = this.find(source);
      if (value === undefined || (this.find(destination) !== undefined && !replace)) {
        return integer(0);
      }
      this.put(destination, value);
      return integer(1);
    },
    keys: ({ pattern }) => {
      const form = regexOf(byteString(pattern));
      const found = this.entries.map(({ key }) => key).filter((key) => form.test(key));
      return array(found.sort().map(bulk));
    },
    scan: ({ cursor, count, pattern, type }) => {
      if (byteString(type).toLowerCase() !== 'string') return array([bulk('0'), array([])]);
      const form = regexOf(byteString(pattern));
      const left = this.entries
        .filter(({ serial }) => cursor === 0 || serial < cursor)
        .sort((a, b) => b.serial - a.serial);
      const seen = left.slice(0, count);
      const found = seen.filter(({ key }) => form.test(key)).map(({ key }) => bulk(key));
      const next = seen.length < left.length ? (seen.at(-1)?.serial ?? 0) : 0;
      return array([bulk(String(next)), array(found)]);
    },
    randomkey: () => (this.entries.length === 0 ? NULL : 'any key'),
    dbsize: () => integer(this.entries.length),
    flushall: () => {
      if (this.entries.length > 0) this.revision++;
      this.entries = [];
      return OK;
    },
  };

  find(key: Uint8Array): string | undefined {
    return this.entries.find((entry) => entry.key === byteString(key))?.value;
  }

  private value(key: Uint8Array): Reply {
    const value = this.find(key);
    return value === undefined ? NULL : bulk(value);
  }

  private change(what: () => void): void {
    this.revision++;
    what();
  }

  private write(key: Uint8Array, value: string): void {
    const entry = this.entries.find((entry) => entry.key === byteString(key));
    if (entry !== undefined) entry.value = value;
    else this.entries.push({ key: byteString(key), value, serial: ++this.created });
  }

  private put(key: Uint8Array, value: string): void {
    this.change(() => this.write(key, value));
  }

  private remove(...keys: readonly Uint8Array[]): number {
    const names = new Set(keys.map((key) => byteString(key)));
    const left = this.entries.filter(({ key }) => !names.has(key));
    const removed = this.entries.length - left.length;
    this.entries = left;
    if (removed > 0) this.revision++;
    return removed;
  }

  /** @returns null when it is done */
  private rename(key: Uint8Array, newKey: Uint8Array): Reply | null {
    const value = this.find(key);
    if (value === undefined) return error('ERR no such key');
    if (byteString(key) === byteString(newKey)) return null;
    this.change(() => {
      this.entries = this.entries.filter((entry) => entry.key !== byteString(key));
      this.write(newKey, value);
    });
    return null;
  }

  private compares(comparison: Comparison, value: string, comparand: string): boolean {
    const compared = comparison.startsWith('ifd') ? xxh3Hex(bytes(value)) : value;
    return comparison.endsWith('eq') === (compared === comparand);
  }

  private set(command: Extract<Command, { kind: 'set' }>): Reply {
    const old = this.find(command.key);
    const { condition } = command;
    let allowed = true;
    if (condition === 'nx') allowed = old === undefined;
    else if (condition === 'xx') allowed = old !== undefined;
    else if (condition !== 'none') {
      const comparand = byteString(command.comparand);
      const ifAbsent = condition.endsWith('ne');
      allowed = old === undefined ? ifAbsent : this.compares(condition, old, comparand);
    }
    if (allowed) this.put(command.key, byteString(command.value));
    if (command.get) return old === undefined ? NULL : bulk(old);
    return allowed ? OK : NULL;
  }

  private incrBy(key: Uint8Array, delta: bigint): Reply {
    const old = this.find(key) ?? '0';
    if (!/^(0|-?[1-9]\d*)$/.test(old)) return NOT_AN_INTEGER;
    if (BigInt.asIntN(64, BigInt(old)) !== BigInt(old)) return NOT_AN_INTEGER;
    const sum = BigInt(old) + delta;
    if (BigInt.asIntN(64, sum) !== sum) return OVERFLOW;
    this.put(key, String(sum));
    return integer(Number.isSafeInteger(Number(sum)) ? Number(sum) : sum);
  }
}

/** Of a pattern of stars, question marks and letters only. */
function regexOf(pattern: string): RegExp {
  const parts = [...pattern].map((char) => {
    if (char === '*') return '[^]*';
    return char === '?' ? '[^]' : char.replace(/[\\^$.|+()[\]{}/-]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('')}$`);
}
