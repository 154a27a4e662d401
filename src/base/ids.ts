import { assert } from './assert.ts';

declare const brand: unique symbol;
type Branded<Name extends string> = number & { readonly [brand]: Name };

/** A Raft term (§5.1). 0 is the term before the first election. */
export type Term = Branded<'Term'>;
/** A position in the replicated log (§5.3). The first entry is 1; 0 is the position before it. */
export type Index = Branded<'Index'>;
/** A member of the cluster, as its configuration numbers it: 1 and up. 0 is nobody. */
export type NodeId = Branded<'NodeId'>;
/** The state machine's version: it grows by one with every change of a key. */
export type Revision = Branded<'Revision'>;
/** How often a data directory has been started: 1 at its first start. 0 is unknown. */
export type Incarnation = Branded<'Incarnation'>;
/** Names one request to make something durable. Never used twice by one process. 0 is none. */
export type WalSequence = Branded<'WalSequence'>;

const make = <T>(name: string, value: number): T => {
  assert(Number.isSafeInteger(value) && value >= 0, () => `${name} out of range: ${value}`);
  return value as T;
};

export const term = (value: number): Term => make<Term>('term', value);
export const index = (value: number): Index => make<Index>('index', value);
export const nodeId = (value: number): NodeId => make<NodeId>('node id', value);
export const revision = (value: number): Revision => make<Revision>('revision', value);
export const incarnation = (value: number): Incarnation => make<Incarnation>('incarnation', value);
export const walSequence = (value: number): WalSequence => make<WalSequence>('sequence', value);

export const TERM_ZERO = term(0);
export const INDEX_ZERO = index(0);
export const NOBODY = nodeId(0);
export const NO_INCARNATION = incarnation(0);
export const NO_SEQUENCE = walSequence(0);

/** The index `by` places behind (or, negative, before) `at`. */
export const indexPlus = (at: Index, by: number): Index => (at + by) as Index;
