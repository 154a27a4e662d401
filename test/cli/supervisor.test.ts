import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCluster } from '../../src/cli/commands/cluster.ts';
import { CliError } from '../../src/cli/exit.ts';
import { parseMembers } from '../../src/cli/members.ts';
import { type NodeExit, Supervisor } from '../../src/cli/supervisor.ts';
import { FakeIo, until } from './fake-io.ts';
import { freePorts } from './ports.ts';

const FAKE_NODE = fileURLToPath(new URL('./fake-node.js', import.meta.url));
const program: [string, string] = [process.execPath, FAKE_NODE];
const directory = mkdtempSync(join(tmpdir(), 'dkvs-supervisor-'));
const started: Supervisor[] = [];
/** Every process of `dkvs cluster`, so that a test that fails leaves none behind. */
const clusterPids = new Set<number>();
const onPid = (_: string, pid: number) => void clusterPids.add(pid);

afterEach(async () => {
  delete process.env['DKVS_FAKE'];
  for (const supervisor of started.splice(0)) await supervisor.killAll();
  for (const pid of clusterPids) if (processState(pid) !== null) process.kill(pid, 'SIGKILL');
  clusterPids.clear();
  rmSync(directory, { recursive: true, force: true });
});

async function supervise(size: number, exits: [string, NodeExit][] = []): Promise<Supervisor> {
  const supervisor = new Supervisor({
    members: await membersOf(size),
    directory,
    program,
    onExit: (name, exit) => exits.push([name, exit]),
  });
  started.push(supervisor);
  return supervisor;
}

async function membersOf(size: number) {
  const first = await freePorts(size);
  const names = Array.from({ length: size }, (_, i) => `n${i + 1}=127.0.0.1:${first + i}`);
  return parseMembers(names.join(','));
}

/** The state of a process in /proc: S sleeping, T stopped, …; null when there is none. */
function processState(pid: number): string | null {
  try {
    return /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))![1]!;
  } catch {
    return null;
  }
}

describe('a supervisor', () => {
  it('starts nodes, kills one with -9, starts it again, and stops them', async () => {
    const exits: [string, NodeExit][] = [];
    const supervisor = await supervise(3, exits);
    await supervisor.startAll();
    const pid = supervisor.pid('n2')!;
    await supervisor.kill('n2');
    assert.equal(processState(pid), null);
    assert.deepEqual([supervisor.isRunning('n2'), supervisor.pid('n2')], [false, null]);
    assert.deepEqual(
      [exits[0]![0], exits[0]![1].signal, exits[0]![1].wanted],
      ['n2', 'SIGKILL', true],
    );
    await supervisor.start('n2');
    assert.notEqual(supervisor.pid('n2'), pid);
    const pids = ['n1', 'n2', 'n3'].map((name) => supervisor.pid(name)!);
    await supervisor.stopAll();
    assert.deepEqual(pids.map(processState), [null, null, null]);
    assert.deepEqual(
      exits.slice(1).map(([, { code, signal }]) => [code, signal]),
      [
        [0, null],
        [0, null],
        [0, null],
      ],
    );
  });

  it('freezes and thaws, and stops what is frozen', {
    skip: process.platform !== 'linux',
  }, async () => {
    const exits: [string, NodeExit][] = [];
    const supervisor = await supervise(1, exits);
    await supervisor.start('n1');
    const pid = supervisor.pid('n1')!;
    supervisor.freeze('n1');
    await until(
      () => processState(pid) === 'T',
      () => 'frozen',
    );
    supervisor.thaw('n1');
    await until(
      () => processState(pid) !== 'T',
      () => 'thawed',
    );
    supervisor.freeze('n1');
    await supervisor.stop('n1');
    assert.equal(exits[0]![1].code, 0, 'it was woken to stop by itself');
    assert.equal(processState(pid), null);
  });

  it('kills a node that does not stop in time', async () => {
    process.env['DKVS_FAKE'] = 'n1:deaf';
    const exits: [string, NodeExit][] = [];
    const supervisor = await supervise(1, exits);
    await supervisor.start('n1');
    await supervisor.stop('n1', 100);
    assert.equal(exits[0]![1].signal, 'SIGKILL');
  });

  it('says why a node did not start, and the others run', async () => {
    process.env['DKVS_FAKE'] = 'n2:crash';
    const supervisor = await supervise(3);
    await assert.rejects(supervisor.startAll(), (error: Error) => {
      assert.ok(error instanceof CliError);
      assert.equal(error.message, 'n2 did not start: exit code 1: the directory is locked');
      return true;
    });
    const running = ['n1', 'n2', 'n3'].map((name) => supervisor.isRunning(name));
    assert.deepEqual(running, [true, false, true]);
  });

  it('says when the program itself is missing', async () => {
    const supervisor = new Supervisor({
      members: await membersOf(1),
      directory,
      program: ['/nonexistent/dkvs'],
    });
    await assert.rejects(supervisor.start('n1'), /n1 did not start: .*ENOENT/);
  });

  it('leaves no node behind: it ends when the pipe closes', async () => {
    const exits: [string, NodeExit][] = [];
    const supervisor = await supervise(1, exits);
    await supervisor.start('n1');
    supervisor.abandon('n1');
    await until(
      () => exits.length === 1,
      () => 'the exit',
    );
    assert.deepEqual([exits[0]![1].code, exits[0]![1].wanted], [0, false]);
  });

  it('puts each node into a process group of its own', {
    skip: process.platform !== 'linux',
  }, async () => {
    const supervisor = await supervise(1);
    await supervisor.start('n1');
    const pid = supervisor.pid('n1')!;
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    assert.equal(Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]), pid);
  });
});

describe('dkvs cluster', () => {
  it('starts, tells how to talk, reports each node, its errors and its death, and stops', async () => {
    process.env['DKVS_FAKE'] = 'n3:rot';
    const io = new FakeIo();
    const members = await membersOf(3);
    const code = runCluster({ members, directory, io, program, onPid });
    await until(
      () => /n3 .*leader {2}term 1/.test(io.stdout.text),
      () => io.stdout.text,
      5000,
    );
    assert.match(io.stdout.text, /^n3: rot was found$/m);
    assert.doesNotMatch(io.stdout.text, /an election/, 'the rest of the log is not for here');
    assert.match(io.stdout.text, /DKVS: 3 nodes at 127\.0\.0\.1:\d+/);
    assert.match(io.stdout.text, new RegExp(`redis-cli -c -p ${members[0]!.port} `));
    const addresses = members.map(({ host, port }) => `${host}:${port}`);
    assert.ok(io.stdout.text.includes(`export DKVS_CONNECT=${addresses.join(',')}\n`));
    const pids = [...clusterPids];
    process.kill(pids[1]!, 'SIGKILL');
    await until(
      () => /n2 is down: ended by SIGKILL/.test(io.stdout.text),
      () => io.stdout.text,
    );
    io.signal('SIGINT');
    assert.equal(await code, 0);
    assert.match(io.stdout.text, /stopped; the data stays in .*\n$/);
    assert.deepEqual(pids.map(processState), [null, null, null]);
    assert.equal(io.listeners, 0);
  });

  it('says which port is taken, and what to do', async () => {
    const members = await membersOf(3);
    const blocker = await listen(members[1]!.peerPort);
    const io = new FakeIo();
    await assert.rejects(
      runCluster({ members, directory, io, program, onPid }),
      (error: CliError) =>
        error.message === `port ${members[1]!.peerPort} is taken` && /--port 8001/.test(error.hint),
    );
    await new Promise((resolve) => blocker.close(resolve));
  });

  it('ends with an error when a node does not start, and leaves nothing running', async () => {
    process.env['DKVS_FAKE'] = 'n1:crash';
    const io = new FakeIo();
    const members = await membersOf(3);
    await assert.rejects(
      runCluster({ members, directory, io, program, onPid }),
      /n1 did not start/,
    );
    const first = await listen(members[2]!.port);
    await new Promise((resolve) => first.close(resolve));
  });
});

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
