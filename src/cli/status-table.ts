import { type Io, paint } from './io.ts';
import type { MemberReport, MemberStatus } from './node-status.ts';
import { table } from './output.ts';

/** One more column, behind those of every table of members. */
export interface MoreColumn {
  readonly head: string;
  readonly cell: (report: MemberReport) => string;
}

const HEAD = ['NAME', 'ADDRESS', 'ROLE', 'TERM', 'COMMIT', 'APPLIED', 'LAST', 'LAG'] as const;
/** From here on, cells are numbers. */
const FIRST_NUMBER = 3;

/** The members of a cluster, one a line below a line of heads, in colour where the output has it. */
export function statusTable(
  io: Io,
  reports: readonly MemberReport[],
  more: readonly MoreColumn[] = [],
): readonly string[] {
  const lagOf = lagBehind(reports);
  const rows = reports.map((report) => {
    const { status } = report;
    return [
      status.name ?? '-',
      status.address,
      status.role,
      cell(status.term),
      cell(status.commitIndex),
      cell(status.lastApplied),
      cell(status.lastIndex),
      cell(lagOf(status)),
      ...more.map((column) => column.cell(report)),
      healthOf(status),
    ];
  });
  const head = [...HEAD, ...more.map((column) => column.head), 'HEALTH'];
  const numbers = new Set(
    head
      .slice(0, -1)
      .map((_, i) => i)
      .slice(FIRST_NUMBER),
  );
  const [headLine, ...lines] = table([head, ...rows], numbers);
  const painted = lines.map((line, i) => {
    const { role } = reports[i]!.status;
    const style = role === 'leader' ? 'green' : role === 'unreachable' ? 'red' : null;
    return style === null ? line : paint(io, io.stdout, style, line);
  });
  return [paint(io, io.stdout, 'bold', headLine!), ...painted];
}

/** How many committed entries a member has not applied yet, as far as any member knows. */
export function lagBehind(
  reports: readonly MemberReport[],
): (status: MemberStatus) => number | null {
  const ahead = Math.max(0, ...reports.map(({ status }) => status.commitIndex ?? 0));
  return ({ lastApplied }) => (lastApplied === null ? null : Math.max(0, ahead - lastApplied));
}

/** "ok", or what is wrong. */
export function healthOf({ role, phase, storage }: MemberStatus): string {
  if (role === 'unreachable') return 'down, or cut off';
  if (storage === 'full') return 'disk full';
  return phase === null || phase === 'running' ? 'ok' : phase;
}

export function cell(value: number | null): string {
  return value === null ? '-' : String(value);
}
