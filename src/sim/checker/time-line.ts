import type { Model, Operation } from './history.ts';

const COLUMNS_MAX = 56;

/**
 * Operations one below the other, each with a bar from where it was invoked to where it returned,
 * drawn by the order of these events and not to scale:
 *
 *     w1  ├──┤           SET x 1 -> +OK
 *     w2     ·├─────┤    SET x 2 -> +OK
 */
export function timeLine<S, I, O>(
  operations: readonly Operation<I, O>[],
  model: Model<S, I, O>,
): string {
  const rows = [...operations].sort((a, b) => a.invokedAt - b.invokedAt);
  const times = rows.flatMap(({ invokedAt, returnedAt }) => [invokedAt, returnedAt]);
  const ranks = [...new Set(times)].sort((a, b) => a - b);
  const width = Math.max(1, Math.min(4, Math.floor(COLUMNS_MAX / Math.max(1, ranks.length - 1))));
  const columnOf = (time: number) => ranks.indexOf(time) * width;
  const nameWidth = Math.max(0, ...rows.map(({ client }) => client.length));
  const barWidth = (ranks.length - 1) * width + 1;
  return rows
    .map((row) => {
      const [from, to] = [columnOf(row.invokedAt), columnOf(row.returnedAt)];
      const end = Number.isFinite(row.returnedAt) ? '┤' : '…';
      const inside = '─'.repeat(Math.max(0, to - from - 1));
      const bar = `${' '.repeat(from)}├${inside}${to > from ? end : ''}`;
      const what = model.describe(row.input, row.output);
      return `${row.client.padEnd(nameWidth)}  ${bar.padEnd(barWidth)}  ${what}`;
    })
    .join('\n');
}
