import type { NodeId } from '../base/ids.ts';
import type { Storage } from '../storage/storage.ts';
import type { Admission, Testimony } from './admission.ts';

/** What follows from the steps of a first start. */
export interface JoiningEvents {
  /** It waits for these members. */
  waiting(names: readonly string[]): void;
  /** What this node says of itself in a handshake is another thing from now on. */
  identityChanged(): void;
  /** It may vote and acknowledge. */
  established(): void;
  /** The member knows this node's name with another directory. */
  emptied(by: NodeId): void;
}

/**
 * The way of a new directory into its cluster (docs/admission.md). Each step is durable before what
 * it allows: after a crash, "never bound" may no longer be true, and who has bound this directory
 * may be down.
 */
export class Joining {
  private readonly storage: Storage;
  private readonly admission: Admission;
  private readonly events: JoiningEvents;

  constructor(storage: Storage, admission: Admission, events: JoiningEvents) {
    this.storage = storage;
    this.admission = admission;
    this.events = events;
  }

  begin(): void {
    if (this.storage.state.established) return;
    this.advance();
    const { step, waitingFor } = this.admission;
    if (step !== 'established') this.events.waiting(waitingFor);
  }

  /** A member has said whether it knows this name. */
  heard(from: NodeId, testimony: Testimony): void {
    if (this.storage.state.established) return;
    if (this.admission.heard(from, testimony)) this.advance();
    else this.events.emptied(from);
  }

  private advance(): void {
    const { admission, storage, events } = this;
    if (admission.mayBeAdmitted) {
      admission.admitting();
      storage.saveIdentity({ admitted: true }, () => {
        admission.admitted();
        events.identityChanged();
        this.advance();
      });
    } else if (admission.mayBeEstablished) {
      admission.establishing();
      storage.saveIdentity({ established: true }, () => {
        admission.established();
        events.established();
      });
    }
  }
}
