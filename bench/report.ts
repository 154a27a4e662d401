import { median } from './statistics.ts';

/** What a benchmark found: for people as lines, for programs as `results`. */
export interface Report {
  readonly lines: readonly string[];
  readonly results: Readonly<Record<string, unknown>>;
  /** A promise that was broken: the process then ends with 1. */
  readonly failures: readonly string[];
}

/** Columns as wide as their widest cell; the first to the left, numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, i) =>
    Math.max(...[title, ...rows.map((row) => row[i]!)].map(width)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => {
        const space = ' '.repeat(widths[i]! - width(cell));
        return i === 0 ? cell + space : space + cell;
      })
      .join('  ')
      .trimEnd();
  return [line(head), widths.map((columns) => '-'.repeat(columns)).join('  '), ...rows.map(line)];
}

const width = (text: string): number => [...text].length;

export const ms = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);

export const perSecond = (value: number): string => Math.round(value).toLocaleString('en-US');

/** 256, 4 Ki, 3 Mi: powers of two as they are spoken of. */
export function bytes(value: number): string {
  if (value >= 2 ** 20 && value % 2 ** 20 === 0) return `${value / 2 ** 20} Mi`;
  return value >= 1024 && value % 1024 === 0 ? `${value / 1024} Ki` : String(value);
}

/** The median of several runs, with the least and the most; of a single run, that. */
export function spread(values: readonly number[], format: (value: number) => string): string {
  if (values.length === 1) return format(values[0]!);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return `${format(median(values))} (${format(least)}-${format(most)})`;
}

/** Where the output of a benchmark stands in a document: between two comments that name it. */
export function replaceSection(document: string, name: string, text: string): string {
  const [open, close] = [`<!-- bench ${name} -->`, `<!-- end of ${name} -->`];
  const [from, to] = [document.indexOf(open), document.indexOf(close)];
  if (from < 0 || to < from) throw new Error(`the document has no section ${open} … ${close}`);
  const before = document.slice(0, from + open.length);
  return `${before}\n\`\`\`text\n${text.trimEnd()}\n\`\`\`\n${document.slice(to)}`;
}
