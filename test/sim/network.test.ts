import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Prng } from '../../src/base/prng.ts';
import type { Network } from '../../src/replica/network.ts';
import { defaultPipeOptions, SimNetwork } from '../../src/sim/network.ts';
import { SimProcess } from '../../src/sim/process.ts';
import { networkConformance, Recorder } from '../conformance/network.ts';
import { TestWorld } from './world.ts';

for (let seed = 1; seed <= 5; seed++) {
  const { scheduler, until, pass } = new TestWorld(seed);
  const net = new SimNetwork(scheduler);
  networkConformance(`sim, seed ${seed}`, {
    server: net.attach('server', new SimProcess(scheduler)),
    client: net.attach('client', new SimProcess(scheduler)),
    serverHost: 'server',
    unreachable: { host: 'nobody', port: 9 },
    until,
    pass,
  });
}

/** Two hosts, a and b, and an open connection that a has dialed. */
class Two {
  readonly world: TestWorld;
  readonly net: SimNetwork;
  readonly a: { process: SimProcess; network: Network };
  readonly b: { process: SimProcess; network: Network };
  readonly dialer = new Recorder();
  readonly acceptor = new Recorder();

  constructor(seed = 1) {
    this.world = new TestWorld(seed);
    this.net = new SimNetwork(this.world.scheduler);
    this.a = this.host('a');
    this.b = this.host('b');
    this.b.network.listen(
      { host: 'b', port: 1 },
      (stream) => {
        this.acceptor.stream = stream;
        return this.acceptor;
      },
      () => {},
    );
    this.dialer.stream = this.a.network.connect({ host: 'b', port: 1 }, this.dialer);
    this.run(10);
    assert.equal(this.dialer.opened, 1);
  }

  dial(): Recorder {
    const recorder = new Recorder();
    recorder.stream = this.a.network.connect({ host: 'b', port: 1 }, recorder);
    return recorder;
  }

  run(ms: number): void {
    this.world.scheduler.run(this.world.scheduler.nowMs + ms);
  }

  private host(name: string): { process: SimProcess; network: Network } {
    const process = new SimProcess(this.world.scheduler);
    return { process, network: this.net.attach(name, process) };
  }
}

const bytes = (text: string) => new Uint8Array(Buffer.from(text));

describe('sim: the network under faults', () => {
  it('cuts bytes anywhere and joins them again', () => {
    const two = new Two();
    const sent = new Prng(2).bytes(20_000);
    for (let at = 0; at < sent.length; at += 10) {
      two.dialer.stream.write(sent.subarray(at, at + 10));
      if (at % 1000 === 0) two.run(0.1);
    }
    two.run(1000);
    assert.deepEqual(two.acceptor.bytes, sent);
    const lengths = two.acceptor.chunks.map((chunk) => chunk.length);
    assert.ok(lengths.some((length) => length % 10 !== 0));
    assert.ok(lengths.some((length) => length > 100));
  });

  it('is the same run for the same seed, another for another', () => {
    const run = (seed: number) => {
      const two = new Two(seed);
      for (let i = 0; i < 50; i++) two.dialer.stream.write(new Uint8Array(10_000));
      two.run(100);
      return two.acceptor.chunks.map((chunk) => chunk.length).join();
    };
    assert.equal(run(7), run(7));
    assert.notEqual(run(7), run(8));
  });

  it('delivers after a cut what was sent before and during it, with the patience of TCP', () => {
    const two = new Two();
    two.dialer.stream.write(bytes('before '));
    two.net.cut('a', 'b');
    two.run(300);
    two.dialer.stream.write(bytes('during'));
    two.run(3000);
    assert.equal(two.acceptor.text, '');
    const late = two.dial();
    two.run(499);
    assert.deepEqual(late.closed, []);
    two.run(2);
    assert.deepEqual(late.closed, ['unreachable']);
    two.net.heal('a', 'b');
    two.run(100);
    assert.equal(two.acceptor.text, '', 'TCP waits for its next retransmission');
    two.run(6400);
    assert.equal(two.acceptor.text, 'before during');
    assert.deepEqual([two.dialer.closed, two.acceptor.closed], [[], []]);
  });

  it('gives a connection up after a quarter of an hour', () => {
    const two = new Two();
    two.net.cut('a', 'b');
    two.dialer.stream.write(bytes('lost'));
    two.run(924_000);
    assert.deepEqual(two.dialer.closed, []);
    two.run(240_000);
    assert.deepEqual(two.dialer.closed, ['reset']);
    assert.deepEqual(two.acceptor.closed, [], 'who is silent does not notice');
  });

  it('cuts one way: the other way goes on, until its window is full', () => {
    const two = new Two();
    two.net.cutOneWay('b', 'a');
    two.dialer.stream.write(bytes('heard'));
    two.acceptor.stream.write(bytes('not heard'));
    two.run(100);
    assert.equal(two.acceptor.text, 'heard');
    assert.equal(two.dialer.text, '');
    const more = new Uint8Array(2 * defaultPipeOptions.windowBytes);
    two.dialer.stream.write(more);
    two.run(1000);
    assert.equal(two.acceptor.bytes.length, defaultPipeOptions.windowBytes, 'no acknowledgement');
    two.net.healAll();
    two.run(5000);
    assert.equal(two.acceptor.bytes.length, 5 + more.length);
    assert.equal(two.dialer.text, 'not heard');
  });

  it('resets the peers of a killed process, then refuses', () => {
    const two = new Two();
    two.b.process.kill();
    two.net.resetAll('b');
    two.run(5);
    assert.deepEqual(two.dialer.closed, ['reset']);
    assert.deepEqual(two.acceptor.closed, [], 'the dead hear nothing');
    const late = two.dial();
    two.run(5);
    assert.deepEqual(late.closed, ['refused']);
  });

  it('lets who missed the reset find out when it sends', () => {
    const two = new Two();
    two.net.cut('a', 'b');
    two.b.process.kill();
    two.net.resetAll('b');
    two.run(5);
    two.net.heal('a', 'b');
    two.run(10_000);
    assert.deepEqual(two.dialer.closed, [], 'half open');
    two.dialer.stream.write(bytes('anybody?'));
    two.run(5);
    assert.deepEqual(two.dialer.closed, ['reset']);
  });

  it('connects to a stopped process, which reads when it goes on', () => {
    const two = new Two();
    two.b.process.pause();
    two.dialer.stream.write(bytes('wake '));
    two.dialer.stream.write(bytes('up'));
    const late = two.dial();
    two.run(1000);
    assert.equal(late.opened, 1, 'its kernel is not stopped');
    assert.equal(two.acceptor.text, '');
    two.b.process.resume();
    two.run(10);
    assert.equal(two.acceptor.text, 'wake up');
  });
});
