import { array, simple } from '../../kv/reply.ts';
import { commands } from '../../protocol/commands.ts';
import type { ConnectionHandler } from '../connection.ts';

/** Answers "COMMAND HELP" in Redis's form: what the table of commands says of its subcommands. */
export function help(container: string): ConnectionHandler {
  return () => {
    const word = container.toUpperCase();
    const lines = [`${word} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`];
    for (const { name, syntax, summary } of commands) {
      if (name === container) lines.push('(no subcommand)', `    ${summary}`);
      if (!name.startsWith(`${container}|`)) continue;
      lines.push(syntax.slice(word.length + 1), `    ${summary}`);
    }
    return array(lines.map(simple));
  };
}
