import {
  type DurableState,
  decodeSlot,
  SLOT_NAMES,
  type StateImage,
} from '../../storage/hard-state.ts';
import type { SimServer } from '../server.ts';

const NOTHING = new Uint8Array();

/** The hard state that a crash now would leave. Null: there is none. */
export function durableState(server: SimServer): DurableState | null {
  return stateIn((name) => server.disk.durableFile(name));
}

/** The newer good slot; null: there is none. */
export function stateIn(read: (name: string) => Uint8Array | null): DurableState | null {
  const slots = SLOT_NAMES.map((name) => decodeSlot(read(name) ?? NOTHING));
  const good = slots.filter((slot): slot is StateImage => typeof slot === 'object');
  good.sort((a, b) => b.sequence - a.sequence);
  return good[0]?.state ?? null;
}

/** Whether it has finished its first start (docs/admission.md). */
export function isEstablished(server: SimServer): boolean {
  return durableState(server)?.established === true;
}
