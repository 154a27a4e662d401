import type { Refusal } from '../storage/refusal.ts';

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
