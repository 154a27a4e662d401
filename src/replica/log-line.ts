export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** One line of a node's log. The host prints it: JSON, or for people on a terminal. */
export interface LogLine {
  readonly level: LogLevel;
  /** Stable and short, for machines: "role", "peer-refused", "torn-tail", … */
  readonly event: string;
  /** A sentence for people. */
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number | boolean | null>>;
}

export type Log = (line: LogLine) => void;
