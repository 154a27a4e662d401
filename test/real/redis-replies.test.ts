import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { addDecimals, parseDecimal } from '../../src/base/decimal.ts';
import { EntryType, sealEntry } from '../../src/base/entry.ts';
import { index, term } from '../../src/base/ids.ts';
import { defaultLimits } from '../../src/base/limits.ts';
import { localMembers } from '../../src/cli/local-ports.ts';
import { Supervisor } from '../../src/cli/supervisor.ts';
import { encodeCommand } from '../../src/kv/command.ts';
import type { Reply } from '../../src/kv/reply.ts';
import { StateMachine } from '../../src/kv/state-machine.ts';
import { resolveCommand } from '../../src/protocol/commands.ts';
import { RespWriter } from '../../src/protocol/resp-writer.ts';
import { freePorts } from '../cli/ports.ts';
import { missingTool } from '../tools.ts';
import { CommandGenerator, type Words, wordBytes } from './generated-commands.ts';
import { RawLink, RedisServer, replyEnd } from './redis-server.ts';

/** More by hand: DKVS_REPLIES=1000000 DKVS_SEED=7 node --test real/redis-replies.test.js */
const COUNT = Number(process.env['DKVS_REPLIES'] ?? 25_000);
const SEED = Number(process.env['DKVS_SEED'] ?? 1);
const LIVE_COUNT = 3000;
const BATCH = 500;

const limits = { ...defaultLimits, allowFlushall: true };

/** What a node makes of requests, without the network and the log between. */
class InProcess {
  private machine = new StateMachine();

  ask(words: Words): Buffer {
    const writer = new RespWriter();
    writer.write(this.reply(wordBytes(words)));
    return Buffer.from(writer.take());
  }

  private reply(args: Uint8Array[]): Reply {
    const spec = resolveCommand(args);
    if ('kind' in spec) return spec;
    assert.ok(spec.where === 'replicated');
    const command = spec.parse(args, limits);
    if (command.kind === 'error') return command;
    const at = index(this.machine.lastApplied + 1);
    return this.machine.apply(sealEntry(encodeCommand(command), EntryType.Command, term(1), at));
  }
}

/** What DKVS refuses at its door and Redis takes: so it is not sent there, and both go on alike. */
const REFUSED_HERE = [
  / is not supported yet by DKVS: /,
  /^-ERR empty key: /,
  /^-ERR (?:key|value|pattern) of \d+ bytes is longer than the limit /,
];

/** The items of an array reply, whose order says nothing. */
function unordered(reply: Buffer): string {
  const items: string[] = [];
  let at = reply.indexOf('\n') + 1;
  for (; at < reply.length; ) {
    const end = replyEnd(reply, at);
    items.push(reply.toString('latin1', at, end));
    at = end;
  }
  return items.sort().join('');
}

const isError = (reply: Buffer) => reply[0] === 0x2d;

/** The page of a SCAN behind its cursor. */
const pageOf = (reply: Buffer) => reply.subarray(replyEnd(reply, 4));

const isWhole = (page: Buffer) => page.toString('latin1').startsWith('*2\r\n$1\r\n0\r\n');

const bulkText = (reply: Buffer) =>
  reply.toString('latin1', reply.indexOf('\n') + 1, reply.length - 2);

interface Difference {
  readonly why: string;
  readonly explains: (words: Words, ours: Buffer, theirs: Buffer) => boolean;
}

/** All that may differ. docs/commands.md says the same in words, command by command. */
const differences: readonly Difference[] = [
  {
    why: 'KEYS has no order in Redis',
    explains: ([name = ''], ours, theirs) =>
      name.toUpperCase() === 'KEYS' && !isError(theirs) && unordered(ours) === unordered(theirs),
  },
  {
    why: 'a whole SCAN has no order in Redis',
    explains: ([name = ''], ours, theirs) =>
      name.toUpperCase() === 'SCAN' &&
      !isError(ours) &&
      !isError(theirs) &&
      unordered(pageOf(ours)) === unordered(pageOf(theirs)),
  },
  {
    why: 'a SCAN that starts or stops in the middle returns other keys',
    explains: ([name = '', start = ''], ours, theirs) =>
      name.toUpperCase() === 'SCAN' &&
      !isError(ours) &&
      !isError(theirs) &&
      (!/^\+?0*$/.test(start) || !isWhole(ours) || !isWhole(theirs)),
  },
  {
    why: 'a negative cursor is none (nor is it in Redis 8)',
    explains: ([name = '', cursor = ''], ours) =>
      name.toUpperCase() === 'SCAN' &&
      cursor.startsWith('-') &&
      ours.toString('latin1') === '-ERR invalid cursor\r\n',
  },
  {
    why: 'a cursor ends at its first NUL in Redis',
    explains: ([name = '', cursor = ''], ours) =>
      name.toUpperCase() === 'SCAN' &&
      cursor.includes('\0') &&
      ours.toString('latin1') === '-ERR invalid cursor\r\n',
  },
  {
    why: 'RANDOMKEY may return any',
    explains: ([name = ''], ours, theirs) =>
      name.toUpperCase() === 'RANDOMKEY' && ours[1] !== 0x2d && theirs[1] !== 0x2d,
  },
  {
    why: 'INCRBYFLOAT is exact, and Redis has 64 bits of mantissa',
    explains: ([name = ''], ours, theirs) =>
      name.toUpperCase() === 'INCRBYFLOAT' &&
      !isError(ours) &&
      !isError(theirs) &&
      agreeTo60Bits(bulkText(ours), bulkText(theirs)),
  },
];

/** Two decimals that differ by less than their 60th bit, or than the last digit that is written. */
function agreeTo60Bits(a: string, b: string): boolean {
  const [x, y] = [parseDecimal(a), parseDecimal(b)];
  assert.ok(x !== null && x !== 'infinite' && y !== null && y !== 'infinite');
  const difference = addDecimals(x, { units: -y.units, scale: y.scale })!;
  const magnitude = (n: bigint) => (n < 0n ? -n : n);
  const scale = 10n ** BigInt(difference.scale - x.scale);
  const bound =
    (magnitude(x.units) * scale) / 2n ** 60n + 10n ** BigInt(difference.scale) / 10n ** 17n;
  return magnitude(difference.units) <= bound;
}

/** Whether Redis holds the same number: a multiple of 1/1024 that 60 bits can hold. */
function isExactInRedis(text: string): boolean {
  const decimal = parseDecimal(text);
  if (decimal === null || decimal === 'infinite') return text === '';
  const units = decimal.units * 1024n;
  const divisor = 10n ** BigInt(decimal.scale);
  return units % divisor === 0n && BigInt.asIntN(60, units / divisor) === units / divisor;
}

interface Comparison {
  readonly words: Words;
  readonly ours: Buffer;
}

/** One request of each kind that is answered otherwise, so that none in the list is stale. */
const EXAMPLES: readonly Words[] = [
  ['MSET', 'a', '1', 'b', '2', 'c', '3', 'd', '4'],
  ['KEYS', '*'],
  ['SCAN', '0'],
  ['SCAN', '0', 'COUNT', '1'],
  ['SCAN', '-5'],
  ['SCAN', '0\0'],
  ['RANDOMKEY'],
  ['RANDOMKEY'],
  ['RANDOMKEY'],
  ['SET', 'f', '1000.1'],
  ['INCRBYFLOAT', 'f', '0.2'],
  ['DEL', 'f'],
];

const HEXADECIMAL = /^[+-]?0x/i;

/** Requests for Redis, with what is answered here. */
class Script {
  skipped = 0;
  readonly generator: CommandGenerator;
  readonly node = new InProcess();
  private batch: Comparison[] = [];

  constructor(seed: number) {
    this.generator = new CommandGenerator(seed);
  }

  examples(): Comparison[] {
    for (const words of EXAMPLES) this.add(words);
    return this.take();
  }

  next(): Comparison[] {
    while (this.batch.length < BATCH) {
      const words = this.generator.next();
      if (words[0]!.toUpperCase() === 'INCRBYFLOAT') this.addFloat(words);
      else this.add(words);
    }
    return this.take();
  }

  private take(): Comparison[] {
    const batch = this.batch;
    this.batch = [];
    return batch;
  }

  private add(words: Words): Buffer {
    const ours = this.node.ask(words);
    const text = ours.toString('latin1');
    if (REFUSED_HERE.some((form) => form.test(text))) this.skipped++;
    else this.batch.push({ words, ours });
    return ours;
  }

  /** After a sum that Redis can't hold, or of what it can't hold, a SET makes both alike again. */
  private addFloat(words: Words): void {
    const [, key = '', increment = ''] = words;
    const before = bulkText(this.node.ask(['GET', key]));
    if (HEXADECIMAL.test(increment) || HEXADECIMAL.test(before)) {
      this.skipped++; // no number here, but one in Redis
      return;
    }
    const ours = this.add(words);
    if (isError(ours)) return;
    if (![before, increment, bulkText(ours)].every(isExactInRedis)) this.add(['SET', key, '1.5']);
  }
}

const shown = (words: Words) => words.map((word) => JSON.stringify(word.slice(0, 60))).join(' ');

describe('replies, byte for byte', { timeout: 3_600_000 }, () => {
  const skip = missingTool('redis-server');

  it(`are those of a real redis-server, for ${COUNT} commands`, { skip }, async (t) => {
    const redis = await RedisServer.start();
    after(() => redis.stop());
    const script = new Script(SEED);
    const explained = new Map<string, number>();
    let compared = 0;
    while (compared < COUNT) {
      const batch = compared === 0 ? script.examples() : script.next();
      const replies = await redis.ask(batch.map(({ words }) => words));
      batch.forEach(({ words, ours }, i) => {
        const theirs = replies[i]!;
        if (Buffer.compare(ours, theirs) === 0) return;
        const difference = differences.find(({ explains }) => explains(words, ours, theirs));
        const [us, them] = [ours, theirs].map((reply) =>
          JSON.stringify(reply.toString('latin1', 0, 300)),
        );
        assert.ok(
          difference !== undefined,
          `seed ${SEED}, command ${compared + i}: ${shown(words)}\n here  ${us}\n redis ${them}`,
        );
        explained.set(difference.why, (explained.get(difference.why) ?? 0) + 1);
      });
      compared += batch.length;
    }
    t.diagnostic(`${compared} compared, ${script.skipped} refused here and not sent`);
    for (const [why, count] of explained) t.diagnostic(`${count}: ${why}`);
    assert.equal(explained.size, differences.length, 'a difference that is none any more');
  });

  it(`are the same out of a live node, for ${LIVE_COUNT} commands`, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'dkvs-replies-'));
    const members = localMembers(await freePorts(1), 1);
    const supervisor = new Supervisor({ members, directory, flags: () => ['--allow-flushall'] });
    after(async () => {
      await supervisor.killAll();
      rmSync(directory, { recursive: true });
    });
    await supervisor.startAll();
    const link = new RawLink(connect(members[0]!.port, members[0]!.host));
    const generator = new CommandGenerator(SEED);
    const node = new InProcess();
    for (let asked = 0; asked < LIVE_COUNT; asked += BATCH) {
      const batch = Array.from({ length: BATCH }, () => generator.next()).filter(
        // It depends on the place in the log, which a node shares with its elections.
        ([name = '']) => name.toUpperCase() !== 'RANDOMKEY',
      );
      const replies = await link.ask(batch);
      batch.forEach((words, i) => {
        const ours = node.ask(words).toString('latin1');
        assert.equal(replies[i]!.toString('latin1'), ours, shown(words));
      });
    }
    link.close();
  });
});
