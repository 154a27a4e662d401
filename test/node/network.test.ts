import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, it } from 'node:test';
import { NodeNetwork } from '../../src/node/network.ts';
import { networkConformance, Recorder } from '../conformance/network.ts';
import { pass, until } from './host.ts';

const fail = (error: Error) => assert.fail(error);

networkConformance('node', {
  server: new NodeNetwork(fail),
  client: new NodeNetwork(fail),
  serverHost: '127.0.0.1',
  // TCP does not do broadcasts, so the kernel itself says ENETUNREACH.
  unreachable: { host: '255.255.255.255', port: 9 },
  until,
  pass,
});

describe('node: sockets', () => {
  it('joins what is written in one turn', async () => {
    const network = new NodeNetwork(fail);
    const server = new Recorder();
    let listening = false;
    const listener = network.listen(
      { host: '127.0.0.1', port: 0 },
      (stream) => {
        server.stream = stream;
        return server;
      },
      () => {
        listening = true;
      },
    );
    await until(() => listening, 'listening');
    const client = new Recorder();
    client.stream = network.connect(listener.address, client);
    await until(() => client.opened === 1 && server.stream !== undefined, 'a connection');
    for (let i = 0; i < 100; i++) client.stream.write(new Uint8Array(100).fill(i));
    assert.equal(client.stream.bufferedBytes, 10_000);
    await until(() => server.chunks.length > 0, 'the bytes');
    assert.equal(server.chunks[0]?.length, 10_000);
    // Told to, it does not wait for the end of the turn.
    client.stream.write(new Uint8Array(100));
    assert.equal(client.stream.bufferedBytes, 100);
    client.stream.flush();
    assert.equal(client.stream.bufferedBytes, 0);
    await until(() => server.chunks.length > 1, 'what was flushed');
    client.stream.end();
    server.stream.end();
    await until(() => client.closed.length + server.closed.length === 2, 'the end');
    listener.close();
  });

  it('gives up on a host that drops what asks for a connection', async () => {
    // A stopped process accepts nobody; when its backlog of one is full, its kernel goes silent.
    const script = `const server = require('net').createServer();
      server.listen({ port: 0, host: '127.0.0.1', backlog: 1 },
        () => console.log(server.address().port))`;
    const child = spawn(process.execPath, ['-e', script]);
    try {
      const port = await new Promise<number>((resolve) => {
        child.stdout.once('data', (line) => resolve(Number(line)));
      });
      child.kill('SIGSTOP');
      const clients = Array.from({ length: 4 }, () => new Recorder());
      const startMs = performance.now();
      for (const client of clients) {
        client.stream = new NodeNetwork(fail).connect({ host: '127.0.0.1', port }, client);
      }
      const silent = () => clients.filter((client) => client.closed.length > 0);
      await until(() => silent().length >= 2, 'giving up');
      const tookMs = performance.now() - startMs;
      assert.ok(tookMs >= 490 && tookMs < 1500, `${tookMs} ms`);
      for (const client of silent()) assert.deepEqual(client.closed, ['unreachable']);
      // Those in the backlog stand; when the process is killed, its kernel resets them.
      const standing = clients.filter((client) => client.opened > 0);
      assert.ok(standing.length > 0);
      child.kill('SIGKILL');
      await until(() => standing.every((client) => client.closed.length > 0), 'the resets');
      for (const client of standing) assert.deepEqual(client.closed, ['reset']);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('tells a name that nobody has from a process that is gone', async () => {
    const client = new Recorder();
    new NodeNetwork(fail).connect({ host: 'no-such-host.invalid', port: 9 }, client);
    await until(() => client.closed.length > 0, 'an answer');
    assert.deepEqual(client.closed, ['unreachable']);
  });
});
