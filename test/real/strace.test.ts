import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type Cluster, electsFirst, sleep, withCluster } from './cluster.ts';
import { Evidence } from './evidence.ts';
import { missingStrace, readTrace, traced } from './strace.ts';

const WRITES = 8;
/** Of three. */
const MAJORITY = 2;

/**
 * How much longer each sync takes, in microseconds: nothing shall overtake one unseen because it was
 * quick. The leader's take longest; one that counts itself too early then always does so with a
 * single follower.
 */
const SYNC_DELAYS: Readonly<Record<string, number>> = { n1: 20_000, n2: 2000, n3: 10_000 };
const LEADER = 'n1';

const traceOf = (name: string, directory: string) => join(directory, `${name}.strace`);

describe('under strace', { skip: missingStrace(), timeout: 60_000 }, () => {
  it('nothing is promised or acknowledged before the sync that covers it has returned', async () => {
    const program = (name: string, directory: string) =>
      traced(
        traceOf(name, directory),
        '-e',
        `inject=fdatasync,fsync:delay_enter=${SYNC_DELAYS[name]}`,
      );
    await withCluster({ program, flags: electsFirst(LEADER) }, async (cluster) => {
      assert.equal(await cluster.leader(), LEADER);
      const clientPort = await writeSlowly(cluster, LEADER);
      await cluster.caughtUp();
      // So that the traces end here: a tracer ends with what it traces.
      await cluster.killAll();
      const peerPorts = cluster.members.map(({ peerPort }) => peerPort);
      const nodes = cluster.names.map((name) => {
        return new Evidence(readTrace(traceOf(name, cluster.directory)), peerPorts);
      });
      for (const node of nodes) {
        checkTerms(node);
        checkVotes(node);
        checkAcknowledgements(node);
      }
      checkReplies(nodes, nodes[cluster.id(LEADER) - 1]!, clientPort);
      const kinds = new Set(nodes.flatMap((node) => node.messages.map(({ what }) => what.kind)));
      for (const kind of ['RequestVote', 'RequestVoteResponse', 'AppendEntriesResponse'] as const) {
        assert.ok(kinds.has(kind), `no ${kind} in the traces: nothing was checked`);
      }
    });
  });
});

/** SETs, one after the other, each after the answer to the last. Returns the client's own port. */
async function writeSlowly(cluster: Cluster, leader: string): Promise<number> {
  const { host, port } = cluster.member(leader);
  const socket = createConnection({ host, port, noDelay: true });
  await once(socket, 'connect');
  for (let i = 1; i <= WRITES; i++) {
    socket.write(`SET ${marker(i)} value\r\n`);
    assert.equal(await answer(socket), '+OK\r\n');
    await sleep(20);
  }
  const { localPort } = socket;
  socket.destroy();
  return localPort!;
}

const marker = (i: number) => `marker-${i}-of-${WRITES}`;

async function answer(socket: Socket): Promise<string> {
  const [chunk] = await once(socket, 'data');
  return String(chunk);
}

/** S3: whatever a node says in a term, but for pre-votes, both slots hold that term. */
function checkTerms(node: Evidence): void {
  for (const { what, atUs } of node.messages) {
    if (what.kind === 'PreVote' || what.kind === 'PreVoteResponse') continue;
    const sinceUs = node.hardStateSinceUs((image) => image.state.currentTerm >= what.term);
    assert.ok(sinceUs <= atUs, `${what.kind} of term ${what.term} left before its term was synced`);
  }
}

/** §5.2: a vote, for another or for itself, is in both slots before anybody hears of it. */
function checkVotes(node: Evidence): void {
  for (const { what, atUs } of node.messages) {
    const isGrant = what.kind === 'RequestVoteResponse' && what.voteGranted;
    if (!isGrant && what.kind !== 'RequestVote') continue;
    const candidate = isGrant ? what.to : what.from;
    const sinceUs = node.hardStateSinceUs(({ state }) => {
      return state.currentTerm === what.term && state.votedFor === candidate;
    });
    assert.ok(sinceUs <= atUs, `${what.kind} in term ${what.term} left before the vote was synced`);
  }
}

/** D1: a follower that acknowledges the log up to an index has synced each entry of it. */
function checkAcknowledgements(node: Evidence): void {
  for (const { what, atUs } of node.messages) {
    if (what.kind !== 'AppendEntriesResponse' || !what.success) continue;
    for (let index = 1; index <= what.matchIndex; index++) {
      const entry = node.entries.find((known) => known.what.index === index);
      assert.ok(
        entry !== undefined && entry.sinceUs <= atUs,
        `entry ${index} was acknowledged ${entry === undefined ? 'unwritten' : 'before its sync'}`,
      );
    }
  }
}

/**
 * S12: when the leader answers, the syncs of a majority have returned. Which nodes those are is not
 * said: two followers may be faster than the leader's own disk.
 */
function checkReplies(nodes: readonly Evidence[], leader: Evidence, clientPort: number): void {
  const replies = leader.repliesTo(clientPort);
  assert.equal(replies.length, WRITES);
  for (const [i, { what, atUs }] of replies.entries()) {
    assert.equal(what, '+OK\r\n');
    const text = Buffer.from(marker(i + 1));
    const synced = nodes.filter((node) =>
      node.entries.some(
        (entry) => entry.sinceUs <= atUs && Buffer.from(entry.what.record).includes(text),
      ),
    );
    assert.ok(synced.length >= MAJORITY, `answer ${i + 1} left when ${synced.length} had synced`);
  }
}
