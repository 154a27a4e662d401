import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { formatAddress } from '../../client/address.ts';
import { type Client, connect } from '../../node/client.ts';
import type { RespValue } from '../../protocol/resp-reader.ts';
import { CliError, ExitCode } from '../exit.ts';
import type { MemberAddress } from '../members.ts';
import { textOf } from '../output.ts';
import { exitText, Supervisor } from '../supervisor.ts';
import { readLog } from './logs.ts';

/** How long the story waits for something before it fails. */
const PATIENCE_MS = 15_000;
const LOOK_MS = 5;
const ASK_MS = 300;
const READS_AT_ONCE = 256;

/** What a node says of itself. */
export interface NodeFacts {
  readonly role: string;
  readonly term: number;
  readonly commitIndex: number;
  readonly lastApplied: number;
  readonly lastIndex: number;
  readonly revision: number;
  readonly keys: number;
}

export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const DKVS = fileURLToPath(new URL('../../../../bin/dkvs.mjs', import.meta.url));

/** The nodes of the story, what can be done to them, and what they can be asked. */
export class Cast {
  /** Settles, with the reason, only when a node ends that nobody ended. */
  readonly broken: Promise<CliError>;
  private readonly directory: string;
  private readonly supervisor: Supervisor;
  private readonly client: Client;
  private readonly runs: Set<ChildProcess> = new Set();
  /** What each node has logged since its last start, as JSON lines. */
  private readonly logs: Map<string, string[]> = new Map();
  private isClosed = false;

  constructor(members: readonly MemberAddress[], directory: string) {
    this.directory = directory;
    let breaks: (error: CliError) => void = () => {};
    this.broken = new Promise((resolve) => {
      breaks = resolve;
    });
    this.supervisor = new Supervisor({
      members,
      directory,
      onExit: (name, exit) => {
        if (!exit.wanted) breaks(new CliError(ExitCode.Other, `${name}: ${exitText(exit)}`));
      },
      onLogLine: (name, line) => this.logs.get(name)?.push(line),
    });
    this.client = connect(this.addresses);
  }

  get names(): readonly string[] {
    return this.supervisor.members.map(({ name }) => name);
  }

  get addresses(): readonly string[] {
    return this.supervisor.members.map(formatAddress);
  }

  pid(name: string): number | null {
    return this.supervisor.pid(name);
  }

  member(name: string): MemberAddress {
    return this.supervisor.members.find((member) => member.name === name)!;
  }

  others(name: string): readonly string[] {
    return this.names.filter((other) => other !== name);
  }

  dataOf(name: string): string {
    return join(this.directory, name);
  }

  async start(...names: readonly string[]): Promise<void> {
    // Whoever closes the cast ends what runs: nothing may start behind its back.
    if (this.isClosed) return;
    for (const name of names) this.logs.set(name, []);
    await Promise.all(names.map((name) => this.supervisor.start(name)));
  }

  /** kill -9: the signal is sent before this returns, the process is gone when it resolves. */
  kill(name: string): Promise<void> {
    return this.supervisor.kill(name);
  }

  stop(name: string): Promise<void> {
    return this.supervisor.stop(name);
  }

  /** The message of a log line that the node has written since its start; null if there is none. */
  logMessage(name: string, event: string): string | null {
    for (const line of this.logs.get(name) ?? []) {
      if (!line.startsWith('{')) continue;
      const fields = JSON.parse(line) as { event?: string; message?: string };
      if (fields.event === event) return fields.message ?? null;
    }
    return null;
  }

  /** What the node says of itself, as soon as it answers. */
  async facts(name: string): Promise<NodeFacts> {
    return await this.until(`an answer of ${name}`, () => this.ask(name));
  }

  /** The node that leads, as soon as one says so: of several, the one with the highest term. */
  async leader(): Promise<{ readonly name: string; readonly term: number }> {
    return await this.until('a leader', async () => {
      const running = this.names.filter((name) => this.supervisor.isRunning(name));
      const facts = await Promise.all(running.map((name) => this.ask(name)));
      let best: { readonly name: string; readonly term: number } | null = null;
      for (const [i, fact] of facts.entries()) {
        const isNewer = fact?.role === 'leader' && fact.term > (best?.term ?? 0);
        if (isNewer) best = { name: running[i]!, term: fact.term };
      }
      return best;
    });
  }

  /** Waits until `look` finds something. @throws CliError when it does not, for long. */
  async until<T>(what: string, look: () => Promise<T | null>): Promise<T> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = await look();
      if (found !== null) return found;
      if (performance.now() > deadline || this.isClosed) {
        throw new CliError(ExitCode.Other, `waited ${PATIENCE_MS / 1000} s in vain for ${what}`);
      }
      await sleep(LOOK_MS);
    }
  }

  /** Waits until the node says of itself what is wanted. */
  async untilFacts(
    name: string,
    what: string,
    isTrue: (facts: NodeFacts) => boolean,
  ): Promise<NodeFacts> {
    return await this.until(`${name} ${what}`, async () => {
      const facts = await this.ask(name);
      return facts !== null && isTrue(facts) ? facts : null;
    });
  }

  async untilApplied(name: string, index: number): Promise<NodeFacts> {
    const hasApplied = (facts: NodeFacts) => facts.lastApplied >= index;
    return await this.untilFacts(name, `to apply entry ${index}`, hasApplied);
  }

  /** Waits until the log of a running node shows that it was cut back to before this entry. */
  async untilCut(name: string, index: number): Promise<void> {
    await this.until(`${name} to cut off entry ${index}`, async () => {
      try {
        return readLog(this.dataOf(name)).cuts.some((from) => from === index) || null;
      } catch {
        // It was being written to at this moment.
        return null;
      }
    });
  }

  async get(key: string): Promise<string | null> {
    return (await this.read([key])).get(key) ?? null;
  }

  /** Reads keys through the log, that is, after everything that was committed before. */
  async read(keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>();
    for (let at = 0; at < keys.length; at += READS_AT_ONCE) {
      const some = keys.slice(at, at + READS_AT_ONCE);
      const values = await Promise.all(some.map((key) => this.client.command(['GET', key])));
      values.forEach((value, i) => {
        const text = valueText(value);
        if (text !== null) found.set(some[i]!, text);
      });
    }
    return found;
  }

  /** Runs the command line itself, in a process of its own, with the cluster in DKVS_CONNECT and the
   *  nodes' directories where it stands. */
  async cli(...args: readonly string[]): Promise<CliRun> {
    if (this.isClosed) return { code: 1, stdout: '', stderr: '' };
    const env = { ...process.env, DKVS_CONNECT: this.addresses.join(',') };
    const child = spawn(process.execPath, [DKVS, ...args], {
      env,
      cwd: this.directory,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.runs.add(child);
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const code = await new Promise<number>((resolve, reject) => {
      child.on('error', reject).on('close', (exitCode) => resolve(exitCode ?? 1));
    });
    this.runs.delete(child);
    return { code, stdout, stderr };
  }

  /** Ends everything that runs, at once. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.client.close();
    for (const child of this.runs) child.kill('SIGKILL');
    await this.supervisor.killAll();
  }

  /** Null when the node does not answer. */
  private async ask(name: string): Promise<NodeFacts | null> {
    const address = formatAddress(this.member(name));
    try {
      const bytes = await this.client.statusOf(address, { deadlineMs: ASK_MS });
      return JSON.parse(textOf(bytes)!) as NodeFacts;
    } catch {
      return null;
    }
  }
}

function valueText(value: RespValue): string | null {
  return value.kind === 'bulk' ? textOf(value.bytes) : null;
}
