import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Prng } from '../../src/base/prng.ts';
import type {
  Address,
  CloseReason,
  Listener,
  Network,
  Stream,
  StreamHandlers,
} from '../../src/replica/network.ts';

/** Where a Network is tested. */
export interface NetworkWorld {
  readonly server: Network;
  readonly client: Network;
  /** How the client reaches the server. */
  readonly serverHost: string;
  /** No connection comes about, and nobody says why. */
  readonly unreachable: Address;
  /** Lets things happen until `done` holds; fails after a few seconds. */
  until(done: () => boolean, what: string): Promise<void>;
  /** Lets things happen for this long. */
  pass(ms: number): Promise<void>;
}

/** Handlers that write down what they are told. */
export class Recorder implements StreamHandlers {
  /** Set by whoever has it; the accepting side's by `accept`. */
  stream!: Stream;
  opened = 0;
  chunks: Uint8Array[] = [];
  ended = 0;
  drained = 0;
  closed: CloseReason[] = [];
  /** Calls that came from inside a call of the test's, or after the last. */
  misplaced: string[] = [];
  busy = false;

  onOpen(): void {
    this.check('onOpen');
    this.opened++;
  }

  onBytes(chunk: Uint8Array): void {
    this.check('onBytes');
    this.chunks.push(chunk.slice());
  }

  onEnd(): void {
    this.check('onEnd');
    this.ended++;
  }

  onDrain(): void {
    this.check('onDrain');
    this.drained++;
  }

  onClose(reason: CloseReason): void {
    this.check('onClose');
    this.closed.push(reason);
  }

  get bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.chunks));
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }

  /** Runs a call during which nothing may be called back. */
  calling<T>(call: () => T): T {
    this.busy = true;
    try {
      return call();
    } finally {
      this.busy = false;
    }
  }

  private check(name: string): void {
    if (this.busy) this.misplaced.push(`${name} inside a call`);
    if (this.closed.length > 0) this.misplaced.push(`${name} after onClose`);
  }
}

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));

/** The tests that every Network must pass. */
export function networkConformance(name: string, world: NetworkWorld): void {
  describe(`${name}: the network's contract`, () => {
    let listener: Listener;
    /** The accepting ends, in the order of their arrival. */
    const accepted: Recorder[] = [];
    let onAccept: (recorder: Recorder) => void = () => {};

    const listen = async (port = 0): Promise<{ listener: Listener; error: string | null }> => {
      let result: string | null | undefined;
      const made = world.server.listen(
        { host: world.serverHost, port },
        (stream) => {
          const recorder = new Recorder();
          recorder.stream = stream;
          accepted.push(recorder);
          onAccept(recorder);
          return recorder;
        },
        (error) => {
          result = error;
        },
      );
      assert.equal(result, undefined, 'done comes later');
      await world.until(() => result !== undefined, 'listening');
      return { listener: made, error: result ?? null };
    };

    const dial = (address: Address = { ...listener.address, host: world.serverHost }): Recorder => {
      const recorder = new Recorder();
      recorder.stream = recorder.calling(() => world.client.connect(address, recorder));
      return recorder;
    };

    /** Both ends of a new, open connection. */
    const pair = async (): Promise<[Recorder, Recorder]> => {
      accepted.length = 0;
      const client = dial();
      await world.until(() => client.opened === 1 && accepted.length === 1, 'a connection');
      return [client, accepted[0]!];
    };

    const settle = async (...recorders: Recorder[]): Promise<void> => {
      for (const recorder of recorders) recorder.stream.destroy();
      await world.until(() => recorders.every((r) => r.closed.length > 0), 'the end');
      await world.pass(5);
      for (const recorder of recorders) {
        assert.deepEqual(recorder.misplaced, []);
        assert.equal(recorder.closed.length, 1);
      }
    };

    before(async () => {
      const made = await listen();
      assert.equal(made.error, null);
      listener = made.listener;
    });

    after(() => listener.close());

    it('carries bytes both ways, in order', async () => {
      const [client, server] = await pair();
      client.stream.write(bytes('one '));
      client.stream.write(bytes('two'));
      server.stream.write(bytes('three'));
      await world.until(() => client.text === 'three' && server.text === 'one two', 'the bytes');
      assert.equal(client.opened, 1);
      assert.equal(server.opened, 0);
      await settle(client, server);
    });

    it('sends what was written before the connection stood', async () => {
      accepted.length = 0;
      const client = dial();
      client.stream.write(bytes('early'));
      await world.until(() => accepted[0]?.text === 'early', 'the bytes');
      await settle(client, accepted[0]!);
    });

    it('says refused when nobody listens', async () => {
      const closed = await listen();
      const port = closed.listener.address.port;
      closed.listener.close();
      await world.pass(5);
      const client = dial({ host: world.serverHost, port });
      await world.until(() => client.closed.length > 0, 'a refusal');
      assert.deepEqual(client.closed, ['refused']);
      assert.equal(client.opened, 0);
    });

    it('says unreachable when there is no answer, soon enough', async () => {
      const client = dial(world.unreachable);
      await world.until(() => client.closed.length > 0, 'giving up');
      assert.deepEqual(client.closed, ['unreachable']);
      assert.equal(client.opened, 0);
    });

    it('says unreachable to who gives up before the connection stands', async () => {
      const client = dial(world.unreachable);
      client.calling(() => client.stream.destroy());
      await world.until(() => client.closed.length > 0, 'the end');
      await world.pass(5);
      assert.deepEqual(client.closed, ['unreachable']);
      assert.deepEqual(client.misplaced, []);
    });

    it('knows an address in use', async () => {
      const second = await listen(listener.address.port);
      assert.equal(second.error, 'EADDRINUSE');
      const [client, server] = await pair();
      await settle(client, server);
    });

    it('ends in two halves: what was written arrives, the other side may still write', async () => {
      const [client, server] = await pair();
      client.stream.write(bytes('last words'));
      client.calling(() => client.stream.end());
      client.stream.write(bytes('too late'));
      await world.until(() => server.ended === 1, 'the end of one half');
      assert.equal(server.text, 'last words');
      assert.deepEqual([client.closed, server.closed], [[], []]);
      server.stream.write(bytes('and mine'));
      server.calling(() => server.stream.end());
      await world.until(() => client.closed.length + server.closed.length === 2, 'the end');
      assert.equal(client.text, 'and mine');
      assert.equal(client.ended, 1);
      assert.deepEqual([client.closed, server.closed], [['closed'], ['closed']]);
      await settle(client, server);
    });

    it('breaks off: reset on both sides, once, last, and nothing is written any more', async () => {
      const [client, server] = await pair();
      client.calling(() => client.stream.destroy());
      client.calling(() => client.stream.destroy());
      client.stream.write(bytes('too late'));
      client.stream.end();
      await world.until(() => client.closed.length + server.closed.length === 2, 'the end');
      assert.deepEqual([client.closed, server.closed], [['reset'], ['reset']]);
      assert.equal(server.ended, 0);
      assert.equal(server.text, '');
      assert.equal(client.stream.bufferedBytes, 0);
      await settle(client, server);
    });

    it('may be broken off inside every handler', async () => {
      onAccept = (recorder) => recorder.stream.destroy();
      accepted.length = 0;
      const refusedAtOnce = dial();
      await world.until(() => refusedAtOnce.closed.length > 0, 'the end');
      await world.until(() => accepted[0]!.closed.length > 0, 'the end');
      onAccept = () => {};
      await settle(refusedAtOnce, accepted[0]!);

      const [client, server] = await pair();
      server.onBytes = () => server.stream.destroy();
      client.stream.write(bytes('bang'));
      await world.until(() => client.closed.length + server.closed.length === 2, 'the end');
      await settle(client, server);
    });

    it('carries a megabyte in odd pieces unharmed', async () => {
      const random = new Prng(1);
      const sent = random.bytes(1_000_000);
      const [client, server] = await pair();
      for (let at = 0; at < sent.length; ) {
        const to = Math.min(sent.length, at + 1 + random.below(40_000));
        client.stream.write(sent.subarray(at, to));
        at = to;
        if (random.chance(0.3)) await world.pass(0);
      }
      client.stream.end();
      await world.until(() => server.ended === 1, 'all of it');
      assert.deepEqual(server.bytes, sent);
      await settle(client, server);
    });

    it('makes the sender feel that nobody reads', async () => {
      const [client, server] = await pair();
      server.stream.pause();
      const piece = new Uint8Array(1 << 20).fill(7);
      for (let i = 0; i < 24; i++) client.stream.write(piece);
      assert.ok(client.stream.bufferedBytes > 0);
      await world.pass(30);
      const stuck = client.stream.bufferedBytes;
      assert.ok(stuck > 1 << 20, `${stuck} bytes wait`);
      const before = server.chunks.length;
      await world.pass(10);
      assert.equal(server.chunks.length, before, 'paused is paused');
      assert.equal(client.drained, 0);
      server.stream.resume();
      await world.until(() => client.drained > 0, 'the drain');
      assert.equal(client.stream.bufferedBytes, 0);
      const total = () => server.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      await world.until(() => total() === 24 << 20, 'all of it');
      await settle(client, server);
    });

    it('gives chunks that are plain bytes: a slice of them is a copy', async () => {
      const [client, server] = await pair();
      client.stream.write(bytes('abc'));
      await world.until(() => server.text === 'abc', 'the bytes');
      const chunk = server.chunks[0]!;
      const copy = chunk.slice(0, 1);
      chunk[0] = 0;
      assert.equal(copy[0], 97);
      await settle(client, server);
    });

    it('stops accepting when the listener closes; what is open stays open', async () => {
      const own = await listen();
      accepted.length = 0;
      const address = { host: world.serverHost, port: own.listener.address.port };
      const client = dial(address);
      await world.until(() => client.opened === 1 && accepted.length === 1, 'a connection');
      own.listener.close();
      await world.pass(5);
      const late = dial(address);
      await world.until(() => late.closed.length > 0, 'a refusal');
      assert.deepEqual(late.closed, ['refused']);
      client.stream.write(bytes('still here'));
      await world.until(() => accepted[0]!.text === 'still here', 'the bytes');
      await settle(client, accepted[0]!);
    });
  });
}
