import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { missingTool } from '../tools.ts';
import { Cluster, until } from './cluster.ts';
import { hostileBytes, stricter } from './hostile-bytes.ts';
import { type PortBlock, reservePorts } from './ports.ts';

interface Heard {
  readonly text: string;
  readonly isClosed: boolean;
}

/** A commands' replies end in this: so one knows that all of them came. */
const PROBE = 'ECHO that-was-all\r\n';
const PROBED = '$12\r\nthat-was-all\r\n';

/** Sends the bytes, then asks for a sign of life. @returns what was answered before the sign. */
function exchange(port: number, bytes: string): Promise<Heard> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ port, host: '127.0.0.1' });
    const end = (isClosed: boolean) => {
      socket.destroy();
      resolve({ text: isClosed ? text : text.slice(0, -PROBED.length), isClosed });
    };
    socket.setTimeout(5000, () =>
      reject(new Error(`no answer to ${JSON.stringify(bytes).slice(0, 100)}`)),
    );
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (text.endsWith(PROBED)) end(false);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // The peer has closed before it had read all: whoever closes may do so.
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') end(true);
      else reject(error);
    });
    socket.on('end', () => end(true));
    socket.write(bytes, 'latin1');
    socket.write(PROBE, 'latin1');
  });
}

describe('bytes that nobody should send', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  let dkvsPort: number;
  before(async () => {
    cluster = await Cluster.start();
    dkvsPort = cluster.member(await cluster.leader()).port;
  });
  after(() => cluster.close());

  describe('are answered as Redis answers them', { skip: missingTool('redis-server') }, () => {
    let ports: PortBlock;
    let redis: ChildProcess;
    let directory: string;
    before(async () => {
      ports = await reservePorts();
      directory = mkdtempSync(join(tmpdir(), 'dkvs-redis-'));
      const args = ['--port', `${ports.first}`, '--bind', '127.0.0.1', '--save', ''];
      redis = spawn('redis-server', [...args, '--dir', directory], { stdio: 'ignore' });
      const isUp = () => exchange(ports.first, '').then(Boolean, () => null);
      await until(isUp, () => 'redis-server');
    });
    after(() => {
      redis.kill('SIGKILL');
      ports.release();
      rmSync(directory, { recursive: true, force: true });
    });

    for (const [name, bytes] of hostileBytes) {
      it(name, async () => {
        const [theirs, ours] = await Promise.all([
          exchange(ports.first, bytes),
          exchange(dkvsPort, bytes),
        ]);
        assert.deepEqual(ours, theirs);
      });
    }
  });

  for (const [name, bytes, text] of stricter) {
    it(`are refused where Redis takes them: ${name}`, async () => {
      assert.deepEqual(await exchange(dkvsPort, bytes), { text, isClosed: true });
    });
  }
});
