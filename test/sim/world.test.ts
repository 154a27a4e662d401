import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { allJudges } from '../../src/sim/judges/judges.ts';
import { Observer, type SimNode, Violation } from '../../src/sim/observer.ts';
import { defaultSettings, drawPlan, type Plan } from '../../src/sim/plan.ts';
import { World } from '../../src/sim/world.ts';

/** Three nodes and no fault but what a test does by itself. */
function quiet(seed: number): Plan {
  const settings = { ...defaultSettings, seed, seconds: 5, nodes: 3, onlyFaults: [] };
  return { ...drawPlan(settings), anythingGoes: false };
}

/** Runs it to the end; `meddle` may arrange for something before. */
function run(meddle: (world: World) => void, judges = allJudges(), seed = 5): World {
  const world = new World(quiet(seed), judges);
  meddle(world);
  world.run();
  return world;
}

const violates = (invariant: string) => (error: unknown) =>
  error instanceof Violation && error.invariant === invariant;

/** Acts when the faults stop. */
class Afterwards extends Observer {
  act: () => void = () => {};

  override healed(_core: readonly SimNode[]): void {
    this.act();
  }
}

describe('a world', () => {
  test('without a fault serves nearly everything', () => {
    const { workload, coverage } = run(() => {});
    const replies = coverage.counts.get('answer: reply') ?? 0;
    assert.ok(replies > 60 && replies > 0.8 * workload.asked, `${replies} of ${workload.asked}`);
    assert.equal(coverage.counts.get('election'), 1);
  });

  const cutAll = (world: World) => {
    for (const a of world.members) {
      for (const b of world.members) if (a !== b) world.network.cut(a.host, b.host);
    }
  };

  test('that never gets together again has no leader (L1)', () => {
    const afterwards = new Afterwards();
    const meddle = (world: World) => {
      world.scheduler.at(2000, () => cutAll(world));
      afterwards.act = () => cutAll(world);
    };
    assert.throws(() => run(meddle, [...allJudges(), afterwards]), violates('L1'));
  });

  test('whose leader loses all others commits nothing any more (L2)', () => {
    const afterwards = new Afterwards();
    const meddle = (world: World) => {
      afterwards.act = () => cutAll(world);
    };
    // In this one nothing that was under way is committed afterwards.
    assert.throws(() => run(meddle, [...allJudges(), afterwards], 1), violates('L2'));
  });

  test('whose followers help whoever asks is led by none for long (L3)', () => {
    /** Forgets at each step that it has just heard a leader (dissertation §9.6). */
    class Disloyal extends Observer {
      override stepped({ raftState }: SimNode): void {
        if (raftState !== null) raftState.isLoyal = () => raftState.role === 'leader';
      }
    }
    // In this one the core can spare one, who is made deaf.
    assert.throws(() => run(() => {}, [new Disloyal()], 1), violates('L3'));
  });

  test('knows no reason for rot that nobody has planned (D2)', () => {
    const rot = (world: World) => {
      world.scheduler.at(3000, () => {
        const [victim] = world.servers;
        const name = victim!.disk.list().find((file) => file.startsWith('wal-0'))!;
        victim!.disk.damage(name, 600, Uint8Array.of(1, 2, 3));
        victim!.kill();
        world.restartLater(victim!);
      });
    };
    // The judges see it at once; the world itself, when the node comes back as a suspect.
    assert.throws(() => run(rot), Violation);
    assert.throws(() => run(rot, []), violates('D2'));
  });

  test('lets no error of a replica pass', () => {
    const bug = (world: World) => {
      world.scheduler.at(2000, () => {
        const { machine } = world.servers[0]!;
        machine!.apply = () => {
          throw new Error('a bug');
        };
      });
    };
    assert.throws(() => run(bug), /n1: a bug/);
  });
});
