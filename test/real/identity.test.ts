import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { NodeExit } from '../../src/cli/supervisor.ts';
import { formatAddress } from '../../src/client/address.ts';
import { Cluster, DKVS, until } from './cluster.ts';

/** The node whose directory is tampered with; the other two have to go on. */
const VICTIM = 'n3';

describe('a data directory is one identity for ever', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.start();
  });
  after(() => cluster.close());

  async function othersGoOn(key: string): Promise<void> {
    const leader = await cluster.leader(cluster.others(VICTIM));
    assert.equal((await cluster.ask(leader, 'SET', key, 'value')).text, 'OK');
  }

  /** Starts the victim, which has to end by itself. */
  async function startAndGiveUp(): Promise<NodeExit> {
    cluster.exits.delete(VICTIM);
    // It may have told that it is ready before it met the others.
    await cluster.start(VICTIM).catch(() => {});
    return await until(
      () => cluster.exits.get(VICTIM) ?? null,
      () => `${VICTIM} to give up; it said:\n${cluster.log(VICTIM)}`,
    );
  }

  it('a second process on it is refused, by the id of the first', async () => {
    const { code, stderr } = await serve(cluster, { name: 'n1' });
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`process ${cluster.pid('n1')} has the directory .*/n1`));
  });

  it('another name or other members than it was made for are refused', async () => {
    await cluster.stop(VICTIM);
    const wrongName = await serve(cluster, { name: 'n2', data: VICTIM });
    assert.equal(wrongName.code, 1);
    assert.match(
      wrongName.stderr,
      /^dkvs: this data directory belongs to n3, not to n2\n.*--name n3/,
    );
    const wrongMembers = await serve(cluster, { name: VICTIM, without: 'n1' });
    assert.equal(wrongMembers.code, 1);
    assert.match(
      wrongMembers.stderr,
      /this data directory was made for --cluster n1=.*n3=.*, not n2=/,
    );
    await cluster.start(VICTIM);
    await cluster.caughtUp([VICTIM]);
  });

  it('an emptied voter is refused, and welcome again with its directory', async () => {
    const data = cluster.dataDirectory(VICTIM);
    await cluster.stop(VICTIM);
    renameSync(data, `${data}.kept`);
    const { code, lastLines } = await startAndGiveUp();
    assert.equal(code, 1);
    const said = lastLines.join('\n');
    assert.match(said, /^dkvs: n[12] knows n3 with another data directory/m);
    assert.match(said, /^ *start n3 with its old data directory/m);
    await othersGoOn('emptied');
    rmSync(data, { recursive: true });
    renameSync(`${data}.kept`, data);
    await cluster.start(VICTIM);
    await cluster.caughtUp([VICTIM]);
  });

  for (const behind of [1, 2]) {
    it(`a copy of it that is ${behind} start(s) behind is refused, every time it is started`, async () => {
      const data = cluster.dataDirectory(VICTIM);
      await cluster.stop(VICTIM);
      cpSync(data, `${data}.old`, { recursive: true, verbatimSymlinks: true });
      for (let i = 0; i < behind; i++) {
        await cluster.start(VICTIM);
        await cluster.caughtUp([VICTIM]);
        await cluster.stop(VICTIM);
      }
      renameSync(data, `${data}.kept`);
      renameSync(`${data}.old`, data);
      const { code, lastLines } = await startAndGiveUp();
      assert.equal(code, 1);
      const said = lastLines.join('\n');
      assert.match(said, /^dkvs: n[12] refuses this data directory: n3 was known at start/m);
      assert.match(said, /^ *Put the newest copy of the directory in its place/m);
      for (let again = 0; again < 2; again++) {
        const { code: next, stderr } = await serve(cluster, { name: VICTIM });
        assert.equal(next, 1);
        assert.match(stderr, /^dkvs: .*this is an old copy.*\n *Put the newest copy/m);
      }
      await othersGoOn('old');
      rmSync(data, { recursive: true });
      renameSync(`${data}.kept`, data);
      await cluster.start(VICTIM);
      await cluster.caughtUp([VICTIM]);
    });
  }
});

describe('off loopback', () => {
  it('a node serves only those who said --insecure in so many words', async () => {
    const members = 'n1=192.0.2.1:7001,n2=192.0.2.2:7001,n3=192.0.2.3:7001';
    const line = ['serve', '--name=n1', `--cluster=${members}`, '--data=/nonexistent/never-made'];
    const { code, stderr } = await dkvs(line);
    assert.equal(code, 2);
    assert.match(stderr, /^dkvs: 192\.0\.2\.1:7001 is not loopback.*\n.*say --insecure/);
  });
});

interface ServeLine {
  readonly name: string;
  /** Whose directory; its own by default. */
  readonly data?: string;
  /** A member that is left out. */
  readonly without?: string;
}

/** A `dkvs serve` that is expected to refuse. */
function serve(cluster: Cluster, { name, data, without }: ServeLine): Promise<Exit> {
  const members = cluster.members
    .filter((member) => member.name !== without)
    .map((member) => `${member.name}=${formatAddress(member)}`);
  const directory = join(cluster.directory, data ?? name);
  return dkvs(['serve', `--name=${name}`, `--cluster=${members.join(',')}`, `--data=${directory}`]);
}

interface Exit {
  readonly code: number | null;
  readonly stderr: string;
}

function dkvs(args: readonly string[]): Promise<Exit> {
  const [program, ...first] = DKVS;
  return new Promise((resolve) => {
    const options = { timeout: 10_000 };
    const child = execFile(program, [...first, ...args], options, (_error, _stdout, stderr) => {
      resolve({ code: child.exitCode, stderr });
    });
  });
}
