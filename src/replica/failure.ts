import { REMEDIES, type Refusal } from '../storage/refusal.ts';

/**
 * Why a node can't start, or can't go on. Its environment is at fault, not its code: the process
 * ends with these sentences and an exit code.
 */
export interface Failure {
  readonly code: FailureCode;
  /** What is wrong, and where. */
  readonly message: string;
  /** What to do about it. */
  readonly remedy: string;
}

/**
 * Storage's own, of which `stale` is also what a running node learns from the others. Besides them:
 * `settings`: the command line contradicts the data directory; `emptied`: the others know this name
 * with another directory; `disk`: the disk failed while the node ran; `locked`, `directory`,
 * `address`: what a host may find before it starts.
 */
export type FailureCode =
  | Refusal['kind']
  | 'settings'
  | 'emptied'
  | 'disk'
  | 'locked'
  | 'directory'
  | 'address';

export const failureOf = (refusal: Refusal): Failure => ({
  code: refusal.kind,
  message: refusal.message,
  remedy: refusal.remedy,
});

/** `peer` knows the name `self` with another directory, and this one has promised nothing yet. */
export const emptied = (self: string, peer: string): Failure => ({
  code: 'emptied',
  message:
    `${peer} knows ${self} with another data directory: this one is new or was emptied, and has ` +
    'forgotten what the old one promised',
  remedy:
    `start ${self} with its old data directory; an empty one may never vote under a name that ` +
    'has voted before',
});

/** `peer` knows that this directory has forgotten promises. @param text what it said */
export const disowned = (peer: string, text: string): Failure => ({
  code: 'stale',
  message: `${peer} refuses this data directory: ${text}`,
  remedy: REMEDIES.stale,
});

/** Rot, found while the node ran: the next start cuts it off, and the node is a suspect then. */
export const unreadable = (index: number, message: string): Failure => ({
  code: 'disk',
  message: `entry ${index} of the log can't be read back: ${message}`,
  remedy:
    'check the disk, then restart: the node keeps a copy of what is rotten, cuts it off, and the ' +
    'others make it whole again',
});

export const diskFailed = (message: string): Failure => ({
  code: 'disk',
  message,
  remedy: 'what was acknowledged is safe on the other members; check the disk, then restart',
});

/** Its checksums hold: not the disk is at fault. */
export const malformedSnapshot = (index: number, message: string): Failure => ({
  code: 'version',
  message: `the snapshot at ${index} can't be understood: ${message}`,
  remedy: 'start this node with the version of DKVS that wrote it, or with a later one',
});
