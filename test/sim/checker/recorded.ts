import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Model, Operation } from '../../../src/sim/checker/history.ts';
import type { RegisterInput, RegisterOutput } from '../../../src/sim/checker/register.ts';

// The histories that others recorded (their README says how they are written). They lie beside the
// project, not in it.

const FOLDER = fileURLToPath(new URL('../../../../../shared/histories/', import.meta.url));

export const historiesAreThere = existsSync(join(FOLDER, 'expected.json'));

export function readHistory(file: string): string[] {
  return readFileSync(join(FOLDER, file), 'utf8').trim().split('\n');
}

export function expectedVerdicts(): [file: string, linearizable: boolean][] {
  const text = readFileSync(join(FOLDER, 'expected.json'), 'utf8');
  return Object.entries(JSON.parse(text) as Record<string, boolean>);
}

type Pending<I> = Map<string, { readonly input: I; readonly invokedAt: number }>;

function unanswered<I, O>(pending: Pending<I>): Operation<I, O>[] {
  return [...pending].map(([client, { input, invokedAt }]) => ({
    client,
    input,
    output: null,
    invokedAt,
    returnedAt: Number.POSITIVE_INFINITY,
  }));
}

/** `process :type :f value`, one register. */
export function parseRegisterLog(lines: readonly string[]) {
  const history: Operation<RegisterInput, RegisterOutput>[] = [];
  const pending: Pending<RegisterInput> = new Map();
  for (const [at, line] of lines.entries()) {
    const [, client, type, f, value] = /- (\d+)\s+:(\w+)\s+:(\w+)\s+(.*)$/.exec(line) ?? [];
    if (client === undefined) continue;
    if (type === 'invoke') {
      pending.set(client, { input: registerInput(f!, value!), invokedAt: at });
    } else if (type !== 'info') {
      const call = pending.get(client)!;
      pending.delete(client);
      // A read that timed out saw nothing, and constrains nothing.
      if (type === 'fail' && f === 'read') continue;
      const output: RegisterOutput =
        f === 'read'
          ? { kind: 'read', value: value === 'nil' ? null : Number(value) }
          : f === 'cas'
            ? { kind: 'cas', set: type === 'ok' }
            : { kind: 'write' };
      history.push({ client, ...call, output, returnedAt: at });
    }
  }
  return [...history, ...unanswered<RegisterInput, RegisterOutput>(pending)];
}

function registerInput(f: string, value: string): RegisterInput {
  if (f === 'read') return { kind: 'read' };
  if (f === 'write') return { kind: 'write', value: Number(value) };
  const [expected, next] = value.match(/\d+/g)!.map(Number);
  return { kind: 'cas', expected: expected!, value: next! };
}

export interface TextInput {
  readonly f: 'get' | 'put' | 'append';
  readonly key: string;
  readonly value: string;
}

/** `{:process P, :type T, :f F, :key K, :value V}`, several keys. */
export function parseTextLog(lines: readonly string[]): Operation<TextInput, string>[] {
  const history: Operation<TextInput, string>[] = [];
  const pending: Pending<TextInput> = new Map();
  const form = /:process (\d+), :type :(\w+), :f :(\w+), :key "(.*)", :value (nil|"(.*)")}/;
  for (const [at, line] of lines.entries()) {
    const [, client, type, f, key, , value = ''] = form.exec(line)!;
    if (type === 'invoke') {
      const input = { f: f as TextInput['f'], key: key!, value };
      pending.set(client!, { input, invokedAt: at });
    } else {
      const call = pending.get(client!)!;
      pending.delete(client!);
      history.push({ client: client!, ...call, output: value, returnedAt: at });
    }
  }
  return [...history, ...unanswered<TextInput, string>(pending)];
}

/** A text under each key, empty at first. The search sees one key at a time. */
export const texts: Model<string, TextInput, string> = {
  initial: '',
  step(state, { f, value }, output) {
    if (f === 'get') return output === null || output === state ? state : null;
    return f === 'put' ? value : state + value;
  },
  changesNothing: ({ f }) => f === 'get',
  needs: () => [],
  holds: (state, { value }) => state === value,
  mayBring: () => true,
  fingerprint: (state) => state,
  keysOf: ({ key }) => [key],
  describe: ({ f, key, value }, output) =>
    f === 'get' ? `get ${key} -> ${output ?? '?'}` : `${f} ${key} ${value}`,
};
