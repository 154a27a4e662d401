import type { Log, LogLevel } from '../replica/log-line.ts';
import { type Io, paint, type Style } from './io.ts';

export const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

const styles: Record<LogLevel, Style> = {
  debug: 'dim',
  info: 'cyan',
  warn: 'yellow',
  error: 'red',
};

/**
 * Writes log lines to standard error: JSON objects for programs, one a line; on a terminal, time,
 * level, and the sentence.
 */
export function logger(io: Io, node: string, lowest: LogLevel): Log {
  return (line) => {
    if (LOG_LEVELS.indexOf(line.level) < LOG_LEVELS.indexOf(lowest)) return;
    const time = new Date().toISOString();
    if (!io.stderr.isTty) {
      const { level, event, message, fields } = line;
      io.stderr.write(`${JSON.stringify({ time, level, node, event, message, ...fields })}\n`);
      return;
    }
    const clock = paint(io, io.stderr, 'dim', time.slice(11, 23));
    const level = paint(io, io.stderr, styles[line.level], line.level.padEnd(5));
    io.stderr.write(`${clock} ${level} ${node}  ${line.message}\n`);
  };
}
