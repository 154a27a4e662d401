import { byteString } from '../../base/bytes.ts';
import { array, bulk, integer, map } from '../../kv/reply.ts';
import { resolveCommand } from '../../protocol/commands.ts';
import {
  invalidArguments,
  invalidCommand,
  noKeyArguments,
  syntaxError,
  tooLong,
} from '../../protocol/errors.ts';
import { isWord } from '../../protocol/words.ts';
import { allNames, categoriesOf, docsOf, entries, findEntry, infoOf } from '../command-view.ts';
import type { ConnectionHandler } from '../connection.ts';
import { NamePattern, PATTERN_BYTES_MAX } from '../name-pattern.ts';

// COMMAND …: what this server can do.

/** Made once: clients ask for them whenever they connect. */
const ALL_INFO = array(entries.map(infoOf));
const ALL_DOCS = map(entries.map(docsOf));

export const all: ConnectionHandler = () => ALL_INFO;

export const count: ConnectionHandler = () => integer(entries.length);

export const info: ConnectionHandler = (_connection, _service, args) =>
  args.length === 2 ? ALL_INFO : array(args.slice(2).map((name) => infoOf(found(name))));

export const docs: ConnectionHandler = (_connection, _service, args) => {
  if (args.length === 2) return ALL_DOCS;
  const asked = args.slice(2).map(found);
  return map(asked.flatMap((entry) => (entry === undefined ? [] : [docsOf(entry)])));
};

/** The keys of the command that follows, by its positions in the table. */
export const getKeys: ConnectionHandler = (_connection, _service, args) => {
  const words = args.slice(2);
  const [word, second] = words as [Uint8Array, Uint8Array?];
  const sub = second === undefined ? '' : `${byteString(word)}|${byteString(second)}`;
  const spec = (findEntry(sub) ?? found(word))?.spec;
  if (spec === undefined || spec === null) return invalidCommand;
  const { first, last, step } = spec.keys;
  if (first === 0) return noKeyArguments;
  const fits = 'where' in resolveCommand(words);
  const end = last < 0 ? words.length + last : last;
  if (!fits || end >= words.length) return invalidArguments;
  const keys: Uint8Array[] = [];
  for (let i = first; i <= end; i += step) keys.push(words[i]!);
  return array(keys.map((key) => bulk(byteString(key))));
};

/** COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN pattern] */
export const list: ConnectionHandler = (_connection, _service, args) => {
  if (args.length === 2) return names(() => true);
  if (args.length !== 5 || !isWord(args[2]!, 'filterby')) return syntaxError;
  const value = byteString(args[4]!);
  if (isWord(args[3]!, 'module')) return names(() => false);
  if (isWord(args[3]!, 'aclcat')) {
    return names((name) => categoriesOf(findEntry(name)!).includes(value.toLowerCase()));
  }
  if (!isWord(args[3]!, 'pattern')) return syntaxError;
  const { length } = args[4]!;
  if (length > PATTERN_BYTES_MAX) return tooLong('pattern', length, PATTERN_BYTES_MAX);
  const pattern = new NamePattern(value);
  return names((name) => pattern.matches(name));
};

const found = (name: Uint8Array) => findEntry(byteString(name));

const names = (wanted: (name: string) => boolean) => array(allNames.filter(wanted).map(bulk));
