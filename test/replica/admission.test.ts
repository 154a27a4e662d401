import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nodeId } from '../../src/base/ids.ts';
import { Admission, bindingsNeeded, testimoniesNeeded } from '../../src/replica/admission.ts';

const others = (count: number) =>
  Array.from({ length: count }, (_, i) => {
    const name = `n${i + 2}`;
    return { id: nodeId(i + 2), name, host: name, port: 7000, peerPort: 17_000 };
  });

describe('admission', () => {
  it('takes one step after the other, and waits for the disk between them', () => {
    const admission = new Admission(others(2), false);
    assert.equal(admission.heard(nodeId(2), 'none'), true);
    assert.deepEqual(admission.waitingFor, ['n3']);
    assert.equal(admission.mayBeAdmitted, false);
    admission.heard(nodeId(3), 'none');
    assert.equal(admission.mayBeAdmitted, true);
    admission.admitting();
    assert.equal(admission.mayBeEstablished, false);
    admission.admitted();
    assert.equal(admission.mayBeEstablished, false, 'nobody has bound it yet');
    admission.heard(nodeId(2), 'same');
    admission.heard(nodeId(2), 'same');
    assert.deepEqual(admission.waitingFor, ['n3']);
    assert.equal(admission.mayBeEstablished, false, 'the same one twice is one');
    admission.heard(nodeId(3), 'same');
    assert.equal(admission.mayBeEstablished, true);
    admission.establishing();
    assert.equal(admission.mayBeEstablished, false, 'once');
    admission.established();
  });

  it('goes on from where an earlier start came to', () => {
    const admission = new Admission(others(2), true);
    assert.equal(admission.heard(nodeId(2), 'none'), true, 'it has not met this node yet');
    assert.equal(admission.mayBeAdmitted, false);
    assert.equal(admission.mayBeEstablished, false);
    admission.heard(nodeId(2), 'same');
    admission.heard(nodeId(3), 'same');
    assert.equal(admission.mayBeEstablished, true);
  });

  it('is refused to a name that is bound to another directory, or to this one, forgotten', () => {
    assert.equal(new Admission(others(2), false).heard(nodeId(2), 'other'), false);
    assert.equal(new Admission(others(2), true).heard(nodeId(2), 'other'), false);
    assert.equal(new Admission(others(2), false).heard(nodeId(2), 'same'), false);
  });

  it('needs nobody in a cluster of one', () => {
    const admission = new Admission([], false);
    assert.equal(admission.mayBeAdmitted, true);
    admission.admitting();
    admission.admitted();
    assert.equal(admission.mayBeEstablished, true);
  });
});

/** All subsets of `members` with so many members, as bits. */
function subsets(members: number, size: number): readonly number[] {
  const found: number[] = [];
  for (let set = 0; set < 2 ** members; set++) if (bitsOf(set) === size) found.push(set);
  return found;
}

function bitsOf(set: number): number {
  let bits = 0;
  for (let rest = set; rest > 0; rest = Math.floor(rest / 2)) bits += rest % 2;
  return bits;
}

describe('admission, counted out: for any choice of the others', () => {
  for (let members = 1; members <= 9; members++) {
    it(`in a cluster of ${members}`, () => {
      const rest = members - 1;
      const binders = subsets(rest, bindingsNeeded(members));
      const witnesses = subsets(rest, testimoniesNeeded(members));
      // This node has forgotten; as many others may have that those who remember are a majority.
      const majority = Math.floor(members / 2) + 1;
      const liarsMax = Math.max(members - majority - 1, 0);
      const first = binders[0]!;
      for (const second of [...binders, ...witnesses]) {
        if (rest === 0) continue;
        const remember = bitsOf(first & second) - liarsMax;
        assert.ok(remember > 0, `${first} and ${second} have only liars in common`);
      }
      // No first start waits for more members because of the second step but in clusters from 7 on.
      const extra = bindingsNeeded(members) - testimoniesNeeded(members);
      assert.equal(extra > 0, members >= 7);
      assert.ok(bindingsNeeded(members) <= rest);
    });
  }
});
