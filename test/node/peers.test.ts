import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { nodeId } from '../../src/base/ids.ts';
import { NodeClock } from '../../src/node/clock.ts';
import { NodeNetwork } from '../../src/node/network.ts';
import type { Peers } from '../../src/replica/peers.ts';
import { Directory, EventLog, startPeers, timeoutNow } from '../replica/peer-world.ts';
import { until } from './host.ts';
import { freePort, membersAt } from './peer-ports.ts';

const N1 = nodeId(1);
const N2 = nodeId(2);

describe('node: peers in two processes', () => {
  const events = new EventLog();
  let ports: number[];
  let peers: Peers;
  let child: ChildProcess;

  const startChild = (startsBefore: number): void => {
    const script = fileURLToPath(new URL('./peer-child.js', import.meta.url));
    const args = [script, '2', ports.join(','), `${startsBefore}`];
    child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  };
  const line = (text: string) => until(() => events.lines.includes(text), text);

  before(async () => {
    ports = [await freePort(), await freePort()];
    startChild(0);
    const [member] = membersAt(ports);
    const host = {
      network: new NodeNetwork((error) => assert.fail(error)),
      clock: new NodeClock(),
    };
    peers = startPeers(host, member!, membersAt(ports), new Directory(1), events);
    peers.start({ host: '127.0.0.1', port: ports[0]! }, (error) => assert.equal(error, null));
    await line('connected n2 start 1');
  });

  after(() => {
    child.kill('SIGKILL');
    peers.close();
  });

  it('talk', async () => {
    // The echo needs the other direction too, which may stand a moment later.
    await until(() => {
      peers.send(timeoutNow(N1, N2, 7));
      return events.messages.length > 0;
    }, 'the echo');
    assert.deepEqual(events.messages[0], timeoutNow(N2, N1, 7));
  });

  it('know that kill -9 has hit the other, and nothing but its process', async () => {
    events.take();
    const startMs = performance.now();
    child.kill('SIGKILL');
    await line('gone n2 start 1');
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < 700, `${tookMs} ms`);
    assert.deepEqual(events.take(), ['disconnected n2', 'gone n2 start 1']);
  });

  it('find each other again after a restart', async () => {
    startChild(1);
    await line('connected n2 start 2');
    assert.deepEqual(events.take(), ['connected n2 start 2']);
  });

  it('notice that the other was stopped, and that it goes on', async () => {
    const startMs = performance.now();
    child.kill('SIGSTOP');
    await line('disconnected n2');
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs > 700 && tookMs < 7000, `${tookMs} ms`);
    child.kill('SIGCONT');
    await line('connected n2 start 2');
    assert.deepEqual(events.take(), ['disconnected n2', 'connected n2 start 2']);
  });
});
