import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { formatAddress } from '../../src/client/address.ts';
import { Terminal } from '../cli/terminal.ts';
import { missingTool } from '../tools.ts';
import { type Cluster, DKVS, until, withCluster } from './cluster.ts';

/** The whole thing, as somebody at a terminal has it: a process under a pseudo-terminal. */
class Person {
  private readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  private bytes = '';
  readonly exited: Promise<number | null>;

  constructor(cluster: Cluster, historyFile: string) {
    const command = `stty rows 40 cols 100; exec ${DKVS.join(' ')}`;
    this.child = spawn('script', ['--quiet', '--flush', '--return', '-c', command, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        ...process.env,
        NO_COLOR: '1',
        TERM: 'xterm',
        DKVS_CONNECT: cluster.members.map(formatAddress).join(','),
        DKVS_HISTORY_FILE: historyFile,
        DKVS_TIMEOUT: '1s',
      },
    });
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.bytes += text;
    });
    this.exited = new Promise((resolve) => this.child.on('close', resolve));
  }

  get seen(): readonly string[] {
    return Terminal.rowsOf(this.bytes);
  }

  types(keys: string): void {
    this.child.stdin.write(keys);
  }

  /** Waits until there is such a row; with `isLast`, until the last row is one. */
  async sees(row: RegExp, isLast = true): Promise<void> {
    await until(
      () =>
        (isLast ? row.test(this.seen.at(-1)!) : this.seen.some((seen) => row.test(seen))) || null,
      () => `${row}, but saw:\n${this.seen.join('\n')}`,
      5000,
    );
  }

  close(): void {
    this.child.kill('SIGKILL');
  }
}

describe('the prompt on a real terminal', () => {
  it('outlives its leader', { skip: missingTool('script') }, async () => {
    await withCluster({}, async (cluster) => {
      const historyFile = join(cluster.directory, 'history');
      const person = new Person(cluster, historyFile);
      try {
        await useIt(cluster, person);
        person.types('\x04');
        assert.equal(await person.exited, 0);
      } finally {
        person.close();
      }
      assert.ok(existsSync(historyFile));
      assert.equal(readFileSync(historyFile, 'utf8'), 'SET greeting "hello world"\nGET greeting\n');
      assert.equal(statSync(historyFile).mode & 0o777, 0o600);
    });
  });
});

async function useIt(cluster: Cluster, person: Person): Promise<void> {
  const leader = await cluster.leader();
  await person.sees(new RegExp(`^${leader} leader t\\d+>$`));
  person.types('SET greet\tgreeting "hello\t');
  await person.sees(/SET greet.*hello/);
  person.types('\x03');
  person.types('AUTH hunter2\r');
  await person.sees(/\(error\) ERR AUTH <password> called without/, false);
  person.types('SET greeting "hello world"\r');
  await person.sees(/^OK$/, false);
  // Tab looks keys up in the cluster, by SCAN.
  person.types('GET gre\t');
  await person.sees(/GET greeting$/);
  person.types('\x03');
  // What is about the node, and not about this connection, can be asked for too.
  person.types(' CLIENT ID\r');
  await person.sees(/^\(integer\) \d+$/, false);
  person.types(' CONFIG GET appendonly\r');
  await person.sees(/"?appendonly"?/, false);
  // Half a line is typed when the leader dies: the prompt says so, and the line is still there.
  person.types('GET greet');
  await person.sees(/GET greet$/);
  await cluster.kill(leader);
  const next = await cluster.leader(cluster.others(leader));
  await person.sees(new RegExp(`^${next} leader t\\d+> GET greet$`));
  person.types('ing\r');
  await person.sees(/^"hello world"$/, false);
  await person.sees(new RegExp(`^${next} leader t\\d+>$`));
  // Without a majority nothing can be done, and the prompt says that it was not.
  const last = cluster.others(leader, next)[0]!;
  await cluster.kill(last);
  person.types(' INCR visits\r');
  await person.sees(/^\(error\) (unavailable, nothing applied|outcome unknown): /, false);
  await person.sees(/> *$/);
}
