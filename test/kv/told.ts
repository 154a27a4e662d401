import assert from 'node:assert/strict';
import { index } from '../../src/base/ids.ts';
import { defaultLimits, type Limits } from '../../src/base/limits.ts';
import type { Reply } from '../../src/kv/reply.ts';
import { StateMachine } from '../../src/kv/state-machine.ts';
import { resolveCommand } from '../../src/protocol/commands.ts';
import { bytes, entryOf } from './commands.ts';

/** A state machine that is told what to do in Redis's own words, one space between them. */
export class Told {
  readonly machine = new StateMachine();
  private readonly limits: Limits;

  constructor(limits: Partial<Limits> = {}) {
    this.limits = { ...defaultLimits, allowFlushall: true, ...limits };
  }

  /** @param line "" stands for an empty word. */
  tell(line: string): Reply {
    return this.tellWords(line.split(' ').map((word) => (word === '""' ? '' : word)));
  }

  tellWords(words: readonly string[]): Reply {
    const args = words.map(bytes);
    const spec = resolveCommand(args);
    if ('kind' in spec) return spec;
    assert.ok(spec.where === 'replicated', words[0]);
    const command = spec.parse(args, this.limits);
    if (command.kind === 'error') return command;
    return this.machine.apply(entryOf(index(this.machine.lastApplied + 1), command));
  }

  /** The reply as a person would write it: text, numbers, null, lists of them. */
  plain(line: string): unknown {
    return plain(this.tell(line));
  }
}

export function plain(reply: Reply): unknown {
  switch (reply.kind) {
    case 'simple':
    case 'error':
      return reply.text;
    case 'integer':
      return reply.value;
    case 'bulk':
      return reply.bytes;
    case 'null':
      return null;
    case 'array':
      return reply.items.map(plain);
    default:
      throw new Error(`no reply of a command of data: ${JSON.stringify(reply)}`);
  }
}
