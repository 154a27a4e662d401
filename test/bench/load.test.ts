import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer, type Server, type Socket } from 'node:net';
import process from 'node:process';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Arrivals } from '../../bench/arrivals.ts';
import { baseOrder, fill, runLoad } from '../../bench/load.ts';
import { LoadCommands } from '../../bench/load-commands.ts';
import { RespCounter } from '../../bench/resp-counter.ts';

describe('arrivals at a fixed rate', () => {
  it('are due at even distances, each once, however late anybody looks', () => {
    const arrivals = new Arrivals(1000, 0.01, 500);
    assert.equal(arrivals.take(499.9), -1);
    assert.equal(arrivals.take(500), 0);
    assert.equal(arrivals.take(500.5), -1);
    const late = Array.from({ length: 5 }, () => arrivals.take(503.2));
    assert.deepEqual(late, [1, 2, 3, -1, -1]);
    assert.deepEqual(
      [0, 1, 9].map((n) => arrivals.dueMs(n)),
      [500, 501, 509],
    );
  });

  it('end after the last', () => {
    const arrivals = new Arrivals(30_000, 1, 0);
    let taken = 0;
    while (arrivals.take(1e9) >= 0) taken++;
    assert.equal(taken, 30_000);
    assert.ok(arrivals.isOver);
    assert.equal(arrivals.take(Number.POSITIVE_INFINITY), -1);
  });

  it('do not drift: the millionth is on time', () => {
    const arrivals = new Arrivals(3, 1e6, 0);
    assert.equal(arrivals.dueMs(3_000_000), 1e9);
  });
});

describe('the commands of a load', () => {
  const order = { ...baseOrder, port: 0, valueBytes: 3, keys: 1000 };

  it('are RESP, with keys as redis-benchmark names them', () => {
    const commands = new LoadCommands({ ...order, keyOrder: 'once', firstKey: 998 });
    const text = Buffer.from(commands.next(2)).toString();
    const set = (key: string) => `*3\r\n$3\r\nSET\r\n$16\r\nkey:${key}\r\n$3\r\nxxx\r\n`;
    assert.equal(text, set('000000000998') + set('000000000999'));
    assert.equal(commands.left, 0);
  });

  it('are GETs as often as was asked for', () => {
    const commands = new LoadCommands({ ...order, getPercent: 90 });
    const text = Buffer.from(commands.next(10_000)).toString();
    const gets = text.match(/GET\r\n/g)!.length;
    assert.ok(gets > 8800 && gets < 9200, `${gets}`);
    let values = 0;
    new RespCounter(() => values++).feed(Buffer.from(text));
    assert.equal(values, 10_000);
    assert.equal(text.match(/key:000000000\d{3}\r\n/g)!.length, 10_000);
  });
});

describe('a load on a server', () => {
  let server: Server;
  let port: number;
  let sockets: Socket[];
  let commands: number;
  /** What the server does with so many commands from this socket. */
  let answer: (socket: Socket, count: number) => void;
  const undo: (() => Promise<void>)[] = [];
  const context = { onEnd: (step: () => Promise<void>) => void undo.push(step) };

  beforeEach(async () => {
    [sockets, commands] = [[], 0];
    answer = (socket, count) => socket.write('+OK\r\n'.repeat(count));
    server = createServer((socket) => {
      sockets.push(socket);
      let whole = 0;
      const counter = new RespCounter(() => whole++);
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        whole = 0;
        counter.feed(chunk);
        commands += whole;
        answer(socket, whole);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as { port: number }).port;
  });

  afterEach(async () => {
    for (const step of undo.splice(0)) await step();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  it('in a closed loop sends only when it was answered', async () => {
    let most = 0;
    answer = (socket, count) => {
      most = Math.max(most, count);
      setTimeout(() => socket.write('+OK\r\n'.repeat(count)), 20);
    };
    const order = { port, connections: 3, pipeline: 4, seconds: 0.2 };
    const { requests, latency, perSecond, abandoned } = await runLoad(context, order);
    assert.equal(most, 4);
    assert.equal(requests, commands);
    assert.equal(abandoned, 0);
    assert.ok(latency.percentileMs(1) >= 19, `${latency.percentileMs(1)}`);
    assert.ok(perSecond <= (12 * 1000) / 19, `${perSecond}`);
  });

  it('in an open loop sends on while the server stands still', async () => {
    // For 400 ms once, and it is fast otherwise: a closed loop would see one slow answer.
    let isStill = false;
    const held: [Socket, number][] = [];
    answer = (socket, count) => {
      if (isStill) held.push([socket, count]);
      else socket.write('+OK\r\n'.repeat(count));
    };
    const order = { port, connections: 2, ratePerSecond: 500, seconds: 1 };
    const running = runLoad(context, order);
    while (commands < 350) await sleep(5);
    isStill = true;
    await sleep(400);
    isStill = false;
    for (const [socket, count] of held) socket.write('+OK\r\n'.repeat(count));
    const { requests, latency, abandoned } = await running;
    // The first half second is sent, and not counted.
    assert.equal(commands, 750);
    assert.equal(requests, 500);
    assert.equal(abandoned, 0);
    // Some 200 of 500 were due meanwhile, the half of them in its first 200 ms.
    assert.ok(latency.percentileMs(90) >= 150, `p90 ${latency.percentileMs(90)}`);
    assert.ok(latency.percentileMs(99) >= 350, `p99 ${latency.percentileMs(99)}`);
  });

  it('in an open loop hides nothing when it is held up itself', async () => {
    const order = { port, connections: 2, ratePerSecond: 500, seconds: 1 };
    const running = runLoad(context, order);
    while (commands < 350) await sleep(5);
    // All of this process stands still, the load and the server; what was due meanwhile is sent
    // late, and answered at once.
    const hold = `kill -STOP ${process.pid}; sleep 0.4; kill -CONT ${process.pid}`;
    const holder = spawn('sh', ['-c', hold], { stdio: 'ignore' });
    const { latency, lateness } = await running;
    assert.equal(holder.exitCode, 0);
    assert.ok(lateness.percentileMs(99) >= 300, `sent late p99 ${lateness.percentileMs(99)}`);
    assert.ok(latency.percentileMs(99) >= lateness.percentileMs(99), 'it is in the latencies');
  });

  it('counts errors, and throws when there is nothing else', async () => {
    let n = 0;
    answer = (socket, count) => {
      for (let i = 0; i < count; i++) socket.write(n++ % 2 === 0 ? '+OK\r\n' : '-TRYAGAIN x\r\n');
    };
    const { requests, errors, firstError } = await runLoad(context, { port, seconds: 0.1 });
    assert.equal(errors, Math.floor(requests / 2));
    assert.equal(firstError, 'TRYAGAIN x');
    answer = (socket, count) => socket.write('-MOVED 1 h:2\r\n'.repeat(count));
    const all = runLoad(context, { port, seconds: 0.1 });
    await assert.rejects(all, /every command was answered with an error: MOVED/);
  });

  it('says that a connection broke', async () => {
    answer = (socket) => socket.destroy();
    await assert.rejects(
      runLoad(context, { port, seconds: 5 }),
      /closed the connection|ECONNRESET/,
    );
  });

  it('fills each key once', async () => {
    const { requests } = await fill(context, port, 5000, 64, 1200);
    assert.deepEqual([requests, commands], [3800, 3800]);
  });
});
