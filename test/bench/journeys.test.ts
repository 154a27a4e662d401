import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Moment, Note } from '../../bench/journey-probe.ts';
import { journeysOf, type NodeNotes } from '../../bench/journeys.ts';

const PORTS = { leader: 1, first: 2, second: 3 };
const PEERS = 100;

/** One write that came at `start`; `late`: how much later the first follower is. */
function oneWrite(start: number, late: number): Record<keyof typeof PORTS, Note[]> {
  const at = (us: number, moment: Moment, port: number): Note => ({ moment, port, us: start + us });
  const follower = (from: number): Note[] => [
    at(from, 'came', PEERS + PORTS.first),
    at(from + 10, 'write', 0),
    at(from + 20, 'written', 0),
    at(from + 21, 'sync', 0),
    at(from + 100, 'synced', 0),
    at(from + 110, 'left', PEERS + PORTS.leader),
  ];
  return {
    leader: [
      at(0, 'came', PORTS.leader),
      at(30, 'left', PEERS + PORTS.first),
      at(35, 'left', PEERS + PORTS.second),
      at(40, 'write', 0),
      at(45, 'written', 0),
      at(46, 'sync', 0),
      at(150, 'synced', 0),
      at(200, 'came', PEERS + PORTS.leader),
      at(220, 'left', PORTS.leader),
      at(210 + late, 'came', PEERS + PORTS.leader),
    ].toSorted((a, b) => a.us - b.us),
    first: follower(60 + late),
    second: follower(50).map((note) => ({
      ...note,
      port: note.port === PEERS + PORTS.first ? PEERS + PORTS.second : note.port,
    })),
  };
}

function nodes(writes: readonly Record<keyof typeof PORTS, Note[]>[]): NodeNotes[] {
  return (['leader', 'first', 'second'] as const).map((name) => ({
    clientPort: PORTS[name],
    peerPort: PEERS + PORTS[name],
    notes: writes.flatMap((write) => write[name]),
  }));
}

test('follows each write, and puts in front the follower that answered first', () => {
  const [leader, first, second] = nodes([oneWrite(1000, 0), oneWrite(5000, 15)]);
  const journeys = journeysOf(leader!, [first!, second!]);
  assert.equal(journeys.length, 2);
  assert.deepEqual(journeys[1], {
    sent: 30,
    sentAll: 35,
    written: { from: 40, to: 45 },
    synced: { from: 46, to: 150 },
    followers: [
      {
        sent: 35,
        heard: 50,
        written: { from: 60, to: 70 },
        synced: { from: 71, to: 150 },
        acknowledged: 160,
      },
      {
        sent: 30,
        heard: 75,
        written: { from: 85, to: 95 },
        synced: { from: 96, to: 175 },
        acknowledged: 185,
      },
    ],
    heard: [200, 225],
    replied: 220,
  });
});

test('leaves out a write during which something else was sent, written or answered', () => {
  const undisturbed = oneWrite(1000, 0);
  const disturbances: [keyof typeof PORTS, Note][] = [
    ['leader', { moment: 'left', port: PEERS + PORTS.first, us: 1070 }],
    ['leader', { moment: 'write', port: 0, us: 1160 }],
    ['leader', { moment: 'left', port: PORTS.leader, us: 1230 }],
    ['second', { moment: 'came', port: PEERS + PORTS.second, us: 1300 }],
    ['second', { moment: 'synced', port: 0, us: 1301 }],
  ];
  for (const [name, note] of disturbances) {
    const disturbed = { ...undisturbed, [name]: [...undisturbed[name], note] };
    const [leader, first, second] = nodes([disturbed, oneWrite(5000, 0)]);
    assert.equal(journeysOf(leader!, [first!, second!]).length, 1, `${name} ${note.moment}`);
  }
});
