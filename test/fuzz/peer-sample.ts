import { incarnation, index, nodeId, term } from '../../src/base/ids.ts';
import { type Introduction, PROTOCOL_VERSION } from '../../src/protocol/frames.ts';
import type { AppendEntries } from '../../src/raft/messages.ts';

/** How n1 would introduce itself to n2, more or less. */
export const introduction: Introduction = {
  protocolVersion: PROTOCOL_VERSION,
  fromNode: nodeId(1),
  toNode: nodeId(2),
  incarnation: incarnation(3),
  membersCrc: 7,
  admitted: true,
  clusterId: new Uint8Array(16).fill(3),
  directoryId: new Uint8Array(16).fill(4),
  startHistory: new Uint8Array(24).fill(5),
  fromName: 'n1',
  toName: 'n2',
};

/** What would end every leader's term, and all later ones, if a stranger were believed. */
export const coup: AppendEntries = {
  kind: 'AppendEntries',
  from: nodeId(1),
  to: nodeId(2),
  term: term(2 ** 53 - 1),
  prevLogIndex: index(0),
  prevLogTerm: term(0),
  leaderCommit: index(0),
  entries: [],
};
