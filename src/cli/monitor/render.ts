import { unreachable } from '../../base/assert.ts';
import { type Io, paint } from '../io.ts';
import type { MemberReport } from '../node-status.ts';
import { cell, statusTable } from '../status-table.ts';
import type { Change, MonitoredMember, View } from './observer.ts';

/** A change, in a sentence. */
export function changeText(change: Change): string {
  switch (change.kind) {
    case 'leader': {
      const { name, term, withoutMs } = change;
      const last =
        withoutMs === null ? '' : `, ${secondsText(withoutMs)} after the last look at one`;
      return `${name} leads in term ${cell(term)}${last}`;
    }
    case 'no-leader':
      return change.previous === null ? 'nobody leads' : `${change.previous} leads no more`;
    case 'down':
      return `${change.name} is down, or cut off`;
    case 'up':
      return `${change.name} is back`;
    default:
      return unreachable(change);
  }
}

/** The whole picture, for a terminal. */
export function picture(io: Io, view: View, changes: readonly Change[]): readonly string[] {
  const byAddress = new Map(view.members.map((member) => [member.address, member]));
  const of = (report: MemberReport) => byAddress.get(report.status.address)!;
  const hasMemory = view.members.some(({ memoryBytes }) => memoryBytes !== null);
  const more = [
    { head: 'ENTRIES/S', cell: (report: MemberReport) => cell(of(report).entriesPerSecond) },
    { head: 'CLIENTS', cell: (report: MemberReport) => cell(of(report).clients) },
    ...(hasMemory
      ? [{ head: 'MEMORY', cell: (report: MemberReport) => memoryText(of(report)) }]
      : []),
  ];
  const dim = (text: string) => paint(io, io.stdout, 'dim', text);
  return [
    `${paint(io, io.stdout, 'bold', headline(view))}  ${dim('Ctrl-C ends')}`,
    '',
    ...statusTable(io, view.reports, { more, columnsMax: io.stdout.columns }),
    '',
    // The latest on top: what does not fit below is the oldest.
    ...[...changes]
      .reverse()
      .map((change) => `${dim(clockText(change.at))}  ${changeText(change)}`),
  ];
}

/** One line for one moment, for a pipe. */
export function sampleLine(view: View): string {
  const lags = view.members.flatMap(({ lag }) => (lag === null ? [] : [lag]));
  const lag = lags.length === 0 ? '-' : Math.max(...lags);
  return `${view.at.toISOString()}  ${headline(view)}  lag ${lag}`;
}

/** Part of the contract of `--json`. */
export function sampleJson(view: View): string {
  const { at, leader, term, entriesPerSecond, members } = view;
  return JSON.stringify({ time: at, kind: 'sample', leader, term, entriesPerSecond, members });
}

/** Part of the contract of `--json`. */
export function changeJson({ at, kind, ...rest }: Change): string {
  return JSON.stringify({ time: at, kind, ...rest });
}

function headline({ leader, term, since, entriesPerSecond, members }: View): string {
  const up = members.filter(({ role }) => role !== 'unreachable').length;
  const known = since === null ? '' : ` since ${clockText(since)}`;
  const who = leader === null ? 'nobody leads' : `${leader} leads in term ${cell(term)}${known}`;
  return `${who}  ${up} of ${members.length} up  ${cell(entriesPerSecond)} entries/s`;
}

const pad = (value: number, digits: number): string => String(value).padStart(digits, '0');

/** The time of the day here, as whoever watches reads it off the clock. */
function clockText(at: Date): string {
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map((value) => pad(value, 2));
  return `${time.join(':')}.${pad(at.getMilliseconds(), 3)}`;
}

const secondsText = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

function memoryText({ memoryBytes }: MonitoredMember): string {
  return memoryBytes === null ? '-' : `${Math.round(memoryBytes / 1024 ** 2)} MiB`;
}
