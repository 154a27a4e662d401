import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { assert } from '../base/assert.ts';
import { formatAddress } from '../client/address.ts';
import { CliError, ExitCode } from './exit.ts';
import type { MemberAddress } from './members.ts';

/** How a node's process ended. */
export interface NodeExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** The supervisor ended it itself. */
  readonly wanted: boolean;
  /** The last lines it wrote to standard error. */
  readonly lastLines: readonly string[];
}

export interface SupervisorOptions {
  readonly members: readonly MemberAddress[];
  /** Each node keeps its data in `directory/NAME`. */
  readonly directory: string;
  /** More flags for every node's `serve`, or for this node's. */
  readonly flags?: (member: MemberAddress) => readonly string[];
  /** What to run in place of this `dkvs`: program and first arguments. */
  readonly program?: readonly [string, ...string[]];
  /** A node was started, under this process id. */
  readonly onPid?: (name: string, pid: number) => void;
  /** A node ended, whoever ended it. */
  readonly onExit?: (name: string, exit: NodeExit) => void;
  /** A node wrote a line to standard error. */
  readonly onLogLine?: (name: string, line: string) => void;
}

interface NodeProcess {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly exited: Promise<NodeExit>;
  readonly ready: Promise<void>;
  readonly lastLines: string[];
  wanted: boolean;
}

const START_MS = 15_000;
const STOP_MS = 5000;
const LAST_LINES = 20;

/**
 * Runs the nodes of a cluster, one process each, and can do to them what the world does: kill,
 * stop, freeze, restart. Each is in a process group of its own, out of reach of a terminal's
 * Ctrl-C, and ends by itself when the pipe to it closes, that is, when this process is gone.
 */
export class Supervisor {
  private readonly options: SupervisorOptions;
  private readonly nodes: Map<string, NodeProcess> = new Map();

  constructor(options: SupervisorOptions) {
    this.options = options;
  }

  get members(): readonly MemberAddress[] {
    return this.options.members;
  }

  /** Client addresses of all members, `host:port`. */
  get addresses(): readonly string[] {
    return this.members.map(formatAddress);
  }

  isRunning(name: string): boolean {
    return this.nodes.has(name);
  }

  /** The process id of a running node; null when it is not running. */
  pid(name: string): number | null {
    return this.nodes.get(name)?.child.pid ?? null;
  }

  /**
   * Starts a node that is not running, and waits until it takes clients.
   * @throws CliError when it ends, or says nothing, before that. It is not running then.
   */
  async start(name: string): Promise<void> {
    const node = this.spawn(name);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), START_MS);
    });
    const outcome = await Promise.race([node.ready, node.exited, late]);
    clearTimeout(timer);
    if (outcome === undefined) return;
    await this.kill(name);
    const reason = outcome === 'late' ? `it was not ready in ${START_MS} ms` : exitText(outcome);
    throw new CliError(ExitCode.Other, `${name} did not start: ${reason}`);
  }

  /** Starts all nodes that are not running, at the same time. Throws as `start` does. */
  async startAll(): Promise<void> {
    const names = this.members.map(({ name }) => name).filter((name) => !this.isRunning(name));
    const starts = await Promise.allSettled(names.map((name) => this.start(name)));
    const failed = starts.find((start) => start.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /** kill -9; resolves once the process is gone. */
  async kill(name: string): Promise<void> {
    await this.end(name, 'SIGKILL');
  }

  /** SIGTERM, and SIGKILL if that has not helped after `graceMs`. */
  async stop(name: string, graceMs: number = STOP_MS): Promise<void> {
    const timer = setTimeout(() => this.signal(name, 'SIGKILL'), graceMs);
    // A frozen process gets its SIGTERM only once it runs again.
    this.signal(name, 'SIGCONT');
    await this.end(name, 'SIGTERM');
    clearTimeout(timer);
  }

  async stopAll(graceMs: number = STOP_MS): Promise<void> {
    await Promise.all([...this.nodes.keys()].map((name) => this.stop(name, graceMs)));
  }

  async killAll(): Promise<void> {
    await Promise.all([...this.nodes.keys()].map((name) => this.kill(name)));
  }

  /** SIGSTOP: the process stands still, its sockets stay open. */
  freeze(name: string): void {
    this.signal(name, 'SIGSTOP');
  }

  /** SIGCONT: it runs on. */
  thaw(name: string): void {
    this.signal(name, 'SIGCONT');
  }

  /** Closes the pipe by which a node knows that it is supervised; for tests of that. */
  abandon(name: string): void {
    this.nodes.get(name)?.child.stdin.end();
  }

  private async end(name: string, signal: NodeJS.Signals): Promise<void> {
    const node = this.nodes.get(name);
    if (node === undefined) return;
    node.wanted = true;
    this.signal(name, signal);
    await node.exited;
  }

  private signal(name: string, signal: NodeJS.Signals): void {
    this.nodes.get(name)?.child.kill(signal);
  }

  private spawn(name: string): NodeProcess {
    const member = this.members.find((known) => known.name === name);
    assert(member !== undefined, () => `no member ${name}`);
    assert(!this.isRunning(name), () => `${name} is running`);
    mkdirSync(this.options.directory, { recursive: true });
    const [program, ...first] = this.options.program ?? thisDkvs;
    const child = spawn(program, [...first, ...this.serveArguments(member)], {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    // A pipe whose reader is gone is no news: the exit is.
    child.stdin.on('error', () => {});
    const lastLines: string[] = [];
    eachLine(child.stderr, (line) => {
      lastLines.push(line);
      if (lastLines.length > LAST_LINES) lastLines.shift();
      this.options.onLogLine?.(name, line);
    });
    const ready = new Promise<void>((resolve) => {
      eachLine(child.stdout, (line) => {
        if (line.startsWith(`ready ${name} `)) resolve();
      });
    });
    const node: NodeProcess = {
      child,
      ready,
      lastLines,
      wanted: false,
      exited: new Promise((resolve) => {
        const ended = (code: number | null, signal: string | null) => {
          if (!this.nodes.delete(name)) return;
          const exit = { code, signal, wanted: node.wanted, lastLines };
          this.options.onExit?.(name, exit);
          resolve(exit);
        };
        // 'close' comes when its output has been read too: the last lines say why it ended.
        child.on('close', ended);
        child.on('error', (error) => {
          lastLines.push(error.message);
          ended(null, null);
        });
      }),
    };
    this.nodes.set(name, node);
    if (child.pid !== undefined) this.options.onPid?.(name, child.pid);
    return node;
  }

  private serveArguments(member: MemberAddress): readonly string[] {
    const { members, directory, flags } = this.options;
    const cluster = members.map((known) => {
      return `${known.name}=${formatAddress(known)}@${known.peerPort}`;
    });
    const data = join(directory, member.name);
    return [
      'serve',
      '--supervised',
      `--name=${member.name}`,
      `--cluster=${cluster.join(',')}`,
      `--data=${data}`,
      ...(flags?.(member) ?? []),
    ];
  }
}

const thisDkvs: readonly [string, ...string[]] = [
  process.execPath,
  fileURLToPath(new URL('../../../bin/dkvs.mjs', import.meta.url)),
];

/** How a process ended, in words: its signal or exit code, and why, if it said so. */
export function exitText({ code, signal, lastLines }: NodeExit): string {
  const how = signal !== null ? `ended by ${signal}` : `exit code ${code ?? 'unknown'}`;
  // `dkvs: …` is how a command tells its failure; a hint may stand behind it. Whatever else it said
  // last tells something, unless it is a line of its log: that was about something else.
  const failure =
    lastLines.findLast((line) => line.startsWith('dkvs: ')) ??
    lastLines.findLast((line) => line !== '' && !line.startsWith('{'));
  return failure === undefined ? how : `${how}: ${failure.replace(/^dkvs: /, '')}`;
}

function eachLine(stream: Readable, take: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    for (const line of lines) take(line);
  });
  stream.on('end', () => {
    if (rest !== '') take(rest);
  });
}
