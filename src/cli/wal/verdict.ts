import { unreachable } from '../../base/assert.ts';
import type { Damage } from '../../storage/damage.ts';
import type { Disk } from '../../storage/disk.ts';
import { type InspectItem, inspect } from '../../storage/inspect.ts';
import { LogOutline } from '../../storage/log-outline.ts';

/**
 * What a start would make of a directory.
 *
 * - `ok`: it would go on with all of it
 * - `fallback`: it would go on with all of it, but one of the snapshots is damaged
 * - `torn`: it would cut off a batch that a crash left unfinished, and go on: nothing is lost
 * - `rot`: it would cut off bytes that may have been promised, and go on as a suspect, which does not
 *   count until the others have made it whole
 * - `refused`: it would refuse, because what was promised is damaged or forgotten
 * - `damaged`: it would start, and stop as soon as it needs an entry that can't be read
 */
export type Verdict = 'ok' | 'fallback' | 'torn' | 'rot' | 'refused' | 'damaged';

export interface Report {
  readonly verdict: Verdict;
  /** Name of the node; null when no slot of its hard state can be read. */
  readonly node: string | null;
  /** Rot was found at an earlier start: it does not count until the others have made it whole. */
  readonly suspect: boolean;
  readonly snapshots: number;
  /** The log goes on from here: earlier entries are in a snapshot only. */
  readonly baseIndex: number;
  readonly badSnapshots: readonly (InspectItem & { kind: 'bad-snapshot' })[];
  /** A start would let the log begin anew behind a snapshot that was received. */
  readonly install: (InspectItem & { kind: 'install' }) | null;
  readonly segments: number;
  readonly batches: number;
  /** Entries ever written here; those that a later leader replaced are among them. */
  readonly entriesWritten: number;
  /** Times that the log was cut back. */
  readonly cuts: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  /** Slots of the hard state that are bad: the other one is enough. */
  readonly badSlots: readonly string[];
  readonly torn: (InspectItem & { kind: 'torn' }) | null;
  readonly rot: Damage | null;
  readonly refusal: (InspectItem & { kind: 'refusal' })['refusal'] | null;
  readonly badEntries: readonly (InspectItem & { kind: 'bad-entry' })[];
}

/** Reads all of a directory. @throws DiskError */
export function verify(disk: Disk): Report {
  const report = {
    node: null as string | null,
    suspect: false,
    snapshots: 0,
    badSnapshots: [] as (InspectItem & { kind: 'bad-snapshot' })[],
    install: null as Report['install'],
    segments: 0,
    batches: 0,
    entriesWritten: 0,
    cuts: 0,
    badSlots: [] as string[],
    torn: null as Report['torn'],
    rot: null as Report['rot'],
    refusal: null as Report['refusal'],
    badEntries: [] as (InspectItem & { kind: 'bad-entry' })[],
  };
  const log = new LogOutline();
  for (const item of inspect(disk)) {
    switch (item.kind) {
      case 'slot':
        if (typeof item.slot === 'string') report.badSlots.push(`${item.file} (${item.slot})`);
        else {
          report.node = item.slot.state.name;
          report.suspect = item.slot.state.suspect;
        }
        break;
      case 'snapshot':
        report.snapshots++;
        break;
      case 'bad-snapshot':
        report.badSnapshots.push(item);
        break;
      case 'install':
        report.install = item;
        log.reset({ index: item.index, term: item.term });
        break;
      case 'segment':
        if (report.segments === 0) {
          log.reset({ index: item.header.lastIndex, term: item.header.lastTerm });
        }
        report.segments++;
        break;
      case 'batch':
        report.batches++;
        break;
      case 'entry':
        report.entriesWritten++;
        log.append(item.entry.term);
        break;
      case 'bad-entry':
        report.badEntries.push(item);
        log.append(log.lastTerm);
        break;
      case 'truncation':
        report.cuts++;
        log.truncate(item.from);
        break;
      case 'torn':
        report.torn = item;
        break;
      case 'rot':
        report.rot = item.damage;
        break;
      case 'refusal':
        report.refusal = item.refusal;
        break;
      case 'end':
        break;
      default:
        unreachable(item);
    }
  }
  const { base, lastIndex, lastTerm } = log;
  return { verdict: verdictOf(report), ...report, baseIndex: base.index, lastIndex, lastTerm };
}

type Faults = Pick<Report, 'refusal' | 'rot' | 'badEntries' | 'badSnapshots' | 'torn'>;

function verdictOf({ refusal, rot, badEntries, badSnapshots, torn }: Faults): Verdict {
  if (refusal !== null) return 'refused';
  if (rot !== null) return 'rot';
  if (badEntries.length > 0) return 'damaged';
  if (badSnapshots.length > 0) return 'fallback';
  return torn === null ? 'ok' : 'torn';
}
