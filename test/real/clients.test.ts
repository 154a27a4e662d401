import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  type Driver,
  ioredis,
  ioredisCluster,
  nodeRedis,
  nodeRedisCluster,
  type PortMap,
} from './client-drivers.ts';
import { Cluster, sleep, until } from './cluster.ts';
import { Tap } from './tap.ts';

// docs/clients.md says which settings do what; what it says is seen here.

/** What docs/clients.md recommends for node-redis; by itself it waits 5 s for another leader. */
const quickRefresh = { topologyRefreshOnReconnectionAttemptStrategy: 50 };
const WRITERS = 4;
/** Longer than any of the clients takes to connect again, and to send again. */
const PATIENCE_MS = 1500;
/** Of each writer, before the leader is killed and after. */
const ROUNDS = 10;

/** What has to be closed even when a test fails. */
const closing: { readonly driver: Driver }[] = [];

async function close(cluster: Cluster): Promise<void> {
  for (const { driver } of closing.splice(0)) driver.close();
  await cluster.close();
}

/** Repeats what may be repeated, because a second time changes nothing. */
async function repeated<T>(command: () => Promise<T>, errors: string[]): Promise<T> {
  for (let left = 100; ; left--) {
    try {
      return await command();
    } catch (error) {
      errors.push((error as Error).message);
      if (left === 0) throw error;
      await sleep(30);
    }
  }
}

/** A client at work: sets keys that nobody else sets, and reads each back. */
class Workload {
  readonly driver: Driver;
  /** What reached the caller. */
  readonly errors: string[] = [];
  readonly written: string[] = [];
  private readonly command: <T>(command: () => Promise<T>) => Promise<T>;
  private stopping = false;
  private running: Promise<unknown> = Promise.resolve();

  /** @param repeats errors don't end it: it asks again */
  constructor(driver: Driver, repeats: boolean) {
    this.driver = driver;
    this.command = repeats ? (command) => repeated(command, this.errors) : (command) => command();
  }

  start(): void {
    this.running = Promise.all(Array.from({ length: WRITERS }, (_, i) => this.write(i)));
    this.running.catch(() => {});
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.running;
  }

  /** Waits until it has written so many keys more. */
  async progress(keys: number = WRITERS * ROUNDS): Promise<void> {
    const target = this.written.length + keys;
    await until(
      async () => {
        await Promise.race([this.running, sleep(1)]);
        return this.written.length >= target || null;
      },
      () => `${this.driver.name}: ${this.written.length} of ${target}; ${this.errors.join(', ')}`,
    );
  }

  private async write(writer: number): Promise<void> {
    const { driver } = this;
    for (let i = 0; !this.stopping; i++) {
      const key = `${driver.name}-${writer}-${i}`;
      assert.equal(await this.command(() => driver.set(key, `value of ${key}`)), 'OK');
      this.written.push(key);
      assert.equal(await this.command(() => driver.get(key)), `value of ${key}`);
    }
  }
}

/** What was acknowledged is there, whoever leads. */
async function verify(cluster: Cluster, workload: Workload): Promise<void> {
  const replies = workload.written.map((key) => cluster.client.command(['GET', key]));
  for (const [i, reply] of (await Promise.all(replies)).entries()) {
    const key = workload.written[i]!;
    assert.ok(reply.kind === 'bulk', `${key} was acknowledged, and is gone`);
    assert.equal(Buffer.from(reply.bytes).toString(), `value of ${key}`);
  }
}

describe('ioredis and node-redis', { timeout: 120_000 }, () => {
  let cluster: Cluster;
  const portOf = (name: string) => cluster.member(name).port;
  before(async () => {
    cluster = await Cluster.start();
  });
  after(() => close(cluster));

  it('as cluster clients, start from any one node', async () => {
    for (const { name, port } of cluster.members) {
      for (const driver of [ioredisCluster([port]), await nodeRedisCluster([port])]) {
        assert.equal(await driver.set(`from-${name}`, driver.name), 'OK');
        assert.equal(await driver.get(`from-${name}`), driver.name);
        driver.close();
      }
    }
  });

  it('as plain clients, work with the leader, and are told by a follower who leads', async () => {
    const leader = await cluster.leader();
    const [follower] = cluster.others(leader) as [string];
    for (const open of [ioredis, nodeRedis]) {
      const driver = await open(portOf(leader));
      assert.equal(await driver.set('plain', driver.name), 'OK');
      assert.equal(await driver.get('plain'), driver.name);
      driver.close();
      const lost = await open(portOf(follower));
      await assert.rejects(lost.set('plain', 'x'), /MOVED \d+ 127\.0\.0\.1:\d+/);
      lost.close();
    }
  });

  it('as cluster clients, ride through a kill -9 of the leader', async (t) => {
    const ports = cluster.members.map((member) => member.port);
    const workloads = [
      // By its defaults, and from any one node: it sends again what was under way.
      new Workload(ioredisCluster(ports.slice(0, 1)), false),
      // It remembers the leader and the nodes that it was told of; what was under way is the
      // caller's to repeat.
      new Workload(await nodeRedisCluster(ports, quickRefresh), true),
    ];
    closing.push(...workloads);
    for (const workload of workloads) workload.start();
    await Promise.all(workloads.map((workload) => workload.progress()));
    const victim = await cluster.leader();
    const startedMs = performance.now();
    await cluster.kill(victim);
    await Promise.all(workloads.map((workload) => workload.progress()));
    t.diagnostic(`both go on after ${(performance.now() - startedMs).toFixed()} ms`);
    for (const workload of workloads) await workload.stop();
    await cluster.start(victim);
    for (const workload of workloads) {
      t.diagnostic(`${workload.driver.name}: ${workload.written.length} keys, ${workload.errors}`);
      await verify(cluster, workload);
    }
    assert.deepEqual(workloads[0]!.errors, []);
  });

  /**
   * The leader has counted, and its answer is lost with the connection. Twice means that the client
   * sent the INCR again by itself, and kept silent about it.
   */
  const lostAnswers: [
    name: string,
    open: (port: number, map: PortMap) => Driver | Promise<Driver>,
    heard: RegExp,
    count: string,
  ][] = [
    ['ioredis, as it is', (port) => ioredis(port), /^2$/, '2'],
    [
      'ioredis, autoResendUnfulfilledCommands: false',
      (port) => ioredis(port, { autoResendUnfulfilledCommands: false }),
      /^nothing, ever$/,
      '1',
    ],
    [
      'ioredis, autoResendUnfulfilledCommands: false, commandTimeout: 500',
      (port) => ioredis(port, { autoResendUnfulfilledCommands: false, commandTimeout: 500 }),
      /^Error: Command timed out$/,
      '1',
    ],
    [
      'ioredis, maxRetriesPerRequest: 0',
      (port) => ioredis(port, { maxRetriesPerRequest: 0 }),
      /^MaxRetriesPerRequestError: /,
      '1',
    ],
    ['ioredis Cluster, as it is', (port, map) => ioredisCluster([port], {}, map), /^2$/, '2'],
    [
      'ioredis Cluster, retryDelayOnFailover: 0',
      (port, map) => ioredisCluster([port], { retryDelayOnFailover: 0 }, map),
      /^Error: Connection is closed\.$/,
      '1',
    ],
    ['node-redis, as it is', (port) => nodeRedis(port), /Socket closed unexpectedly/, '1'],
    [
      'node-redis cluster, as it is',
      (port, map) => nodeRedisCluster([port], {}, map),
      /Socket closed unexpectedly/,
      '1',
    ],
  ];
  for (const [name, open, heard, count] of lostAnswers) {
    it(`an answer to INCR is lost: ${name}: counted ${count === '1' ? 'once' : 'twice'}`, async () => {
      const leader = await cluster.leader();
      const tap = await Tap.open(portOf(leader));
      const key = name.replaceAll(/\W/g, '-');
      try {
        const driver = await open(tap.port, new Map([[portOf(leader), tap.port]]));
        closing.push({ driver });
        assert.equal(await driver.get(key), null);
        tap.loseAnswerTo(key);
        const answer = await Promise.race([
          driver.incr(key).then(String, String),
          sleep(PATIENCE_MS).then(() => 'nothing, ever'),
        ]);
        assert.match(answer, heard);
        assert.equal(tap.lost, 1);
        assert.deepEqual(
          await cluster.ask(leader, 'GET', key).then(({ text }) => text),
          `"${count}"`,
        );
      } finally {
        tap.close();
      }
    });
  }
});

describe('plain clients of followers, with --follower proxy', { timeout: 120_000 }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.start({ flags: () => ['--follower=proxy'] });
  });
  after(() => close(cluster));

  it('ride through a kill -9 of the leader; what was under way, a write, is unknown', async (t) => {
    const victim = await cluster.leader();
    const [a, b] = cluster.others(victim).map((name) => cluster.member(name).port);
    const workloads = [new Workload(ioredis(a!), true), new Workload(await nodeRedis(b!), true)];
    const counters = [ioredis(b!), await nodeRedis(a!)].map((driver) => new Counter(driver));
    closing.push(...workloads, ...counters);
    for (const each of [...workloads, ...counters]) each.start();
    await Promise.all(workloads.map((workload) => workload.progress()));
    await cluster.kill(victim);
    await Promise.all(workloads.map((workload) => workload.progress()));
    for (const each of [...workloads, ...counters]) await each.stop();
    await cluster.start(victim);
    for (const { written, errors, driver } of workloads) {
      t.diagnostic(`${driver.name}: ${written.length} keys, ${errors}`);
      for (const error of errors) assert.match(error, /^(UNKNOWN|TRYAGAIN) /);
    }
    for (const workload of workloads) await verify(cluster, workload);
    for (const counter of counters) await counter.verify(cluster);
  });
});

/** Increments, never twice for once, and keeps the books. */
class Counter {
  readonly driver: Driver;
  private acked = 0;
  private unknown = 0;
  private stopping = false;
  private running: Promise<void> = Promise.resolve();

  constructor(driver: Driver) {
    this.driver = driver;
  }

  start(): void {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.running;
  }

  async verify(cluster: Cluster): Promise<void> {
    const { acked, unknown } = this;
    const reply = await cluster.client.command(['GET', this.key]);
    const count = reply.kind === 'bulk' ? Number(Buffer.from(reply.bytes).toString()) : Number.NaN;
    assert.ok(count >= acked && count <= acked + unknown, `${acked} + ${unknown}?: ${count}`);
    assert.ok(acked > 0);
  }

  private get key(): string {
    return `count of ${this.driver.name}`;
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      try {
        await this.driver.incr(this.key);
        this.acked++;
      } catch (error) {
        const [code] = (error as Error).message.split(' ');
        assert.ok(code === 'UNKNOWN' || code === 'TRYAGAIN', String(error));
        if (code === 'UNKNOWN') this.unknown++;
      }
    }
  }
}
