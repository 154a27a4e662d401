/**
 * What is to come, and answers an error that says so until then. Not in the table of commands: who
 * asks for COMMAND learns what there is.
 */
export interface PlannedCommand {
  /** In lower case. */
  readonly name: string;
  /** What is missing, as in "keys do not expire so far". */
  readonly lack: string;
}

const lacking = (lack: string, names: readonly string[]): PlannedCommand[] =>
  names.map((name) => ({ name, lack }));

export const plannedCommands: readonly PlannedCommand[] = [
  ...lacking('keys do not expire so far', [
    'expire',
    'expireat',
    'pexpire',
    'pexpireat',
    'persist',
    'getex',
    'setex',
    'psetex',
    'msetex',
  ]),
  ...lacking('there are no transactions so far', ['multi', 'exec', 'discard', 'watch', 'unwatch']),
  ...lacking('there is no publish and subscribe so far', [
    'subscribe',
    'psubscribe',
    'ssubscribe',
    'unsubscribe',
    'punsubscribe',
    'sunsubscribe',
    'publish',
    'spublish',
    'pubsub',
  ]),
];
