import { type Io, paint } from './io.ts';
import type { MemberReport, MemberStatus } from './node-status.ts';
import { table } from './output.ts';

/** One column of a table of members. */
export interface Column {
  readonly head: string;
  readonly cell: (report: MemberReport) => string;
}

export interface TableOptions {
  /** More columns, behind those of every table of members. */
  readonly more?: readonly Column[];
  /** Columns are left out until it is no wider than this. */
  readonly columnsMax?: number;
}

/** What is left out first where there is no room: others say nearly the same. */
const DISPENSABLE = ['LAST', 'APPLIED', 'ADDRESS', 'COMMIT'];
const TEXTS: ReadonlySet<string> = new Set(['NAME', 'ADDRESS', 'ROLE', 'HEALTH']);

/** The members of a cluster, one a line below a line of heads, in colour where the output has it. */
export function statusTable(
  io: Io,
  reports: readonly MemberReport[],
  { more = [], columnsMax = Number.POSITIVE_INFINITY }: TableOptions = {},
): readonly string[] {
  let columns = [...columnsOf(reports), ...more, HEALTH];
  let lines = linesOf(columns, reports);
  for (const head of DISPENSABLE) {
    if (Math.max(...lines.map((line) => line.length)) < columnsMax) break;
    columns = columns.filter((column) => column.head !== head);
    lines = linesOf(columns, reports);
  }
  const [headLine, ...rest] = lines;
  const painted = rest.map((line, i) => {
    const { role } = reports[i]!.status;
    const style = role === 'leader' ? 'green' : role === 'unreachable' ? 'red' : null;
    return style === null ? line : paint(io, io.stdout, style, line);
  });
  return [paint(io, io.stdout, 'bold', headLine!), ...painted];
}

function columnsOf(reports: readonly MemberReport[]): readonly Column[] {
  const lagOf = lagBehind(reports);
  return [
    { head: 'NAME', cell: ({ status }) => status.name ?? '-' },
    { head: 'ADDRESS', cell: ({ status }) => status.address },
    { head: 'ROLE', cell: ({ status }) => status.role },
    { head: 'TERM', cell: ({ status }) => cell(status.term) },
    { head: 'COMMIT', cell: ({ status }) => cell(status.commitIndex) },
    { head: 'APPLIED', cell: ({ status }) => cell(status.lastApplied) },
    { head: 'LAST', cell: ({ status }) => cell(status.lastIndex) },
    { head: 'LAG', cell: ({ status }) => cell(lagOf(status)) },
  ];
}

const HEALTH: Column = { head: 'HEALTH', cell: ({ status }) => healthOf(status) };

function linesOf(columns: readonly Column[], reports: readonly MemberReport[]): readonly string[] {
  const heads = columns.map(({ head }) => head);
  const rows = reports.map((report) => columns.map((column) => column.cell(report)));
  const numbers = heads.flatMap((head, i) => (TEXTS.has(head) ? [] : [i]));
  return table([heads, ...rows], new Set(numbers));
}

/** How many committed entries a member has not applied yet, as far as any member knows. */
export function lagBehind(
  reports: readonly MemberReport[],
): (status: MemberStatus) => number | null {
  const ahead = Math.max(0, ...reports.map(({ status }) => status.commitIndex ?? 0));
  return ({ lastApplied }) => (lastApplied === null ? null : Math.max(0, ahead - lastApplied));
}

/** "ok", or what is wrong. */
export function healthOf({ role, phase, storage, suspect }: MemberStatus): string {
  if (role === 'unreachable') return 'down, or cut off';
  if (suspect === true) return 'suspect';
  if (storage === 'full') return 'disk full';
  return phase === null || phase === 'running' ? 'ok' : phase;
}

export function cell(value: number | null): string {
  return value === null ? '-' : String(value);
}
