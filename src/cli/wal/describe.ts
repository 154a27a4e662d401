import { unreachable } from '../../base/assert.ts';
import { EMPTY_BYTES, hex } from '../../base/bytes.ts';
import { type Entry, EntryType } from '../../base/entry.ts';
import { startAgo } from '../../base/start-history.ts';
import { formatAddress } from '../../client/address.ts';
import { type Command, decodeCommand } from '../../kv/command.ts';
import { type CommandField, fieldsOf } from '../../kv/command-layouts.ts';
import { type Configuration, decodeConfiguration } from '../../raft/configuration.ts';
import { batchExtent } from '../../storage/batch.ts';
import { describeDamage } from '../../storage/damage.ts';
import type { StateImage } from '../../storage/hard-state.ts';
import type { InspectItem } from '../../storage/inspect.ts';
import type { Snapshot } from '../../storage/snapshot-file.ts';
import { jsonBytes, quoteStart } from '../output.ts';

const KEY_CHARS_MAX = 40;
const VALUE_CHARS_MAX = 32;

/** A piece of a data directory as a line for people. */
export function describe(item: InspectItem): string {
  switch (item.kind) {
    case 'slot':
      return `${item.file}  ${typeof item.slot === 'string' ? item.slot : describeSlot(item.slot)}`;
    case 'snapshot':
      return `${item.file}  ${describeSnapshot(item.snapshot)}`;
    case 'bad-snapshot':
      return `${item.file}  damaged: ${item.what}`;
    case 'install':
      return `a start would finish an install: the log begins anew behind entry ${item.index}`;
    case 'segment': {
      const { segmentBytes, firstSequence, lastIndex } = item.header;
      const content = `batches from ${firstSequence} on, entries behind ${lastIndex}`;
      return `${item.file}  ${segmentBytes} bytes, ${content}`;
    }
    case 'batch': {
      const { sequence, offset, records, bodyBytes, commitIndex } = item.header;
      const what = records === 0 ? 'a mark' : records === 1 ? '1 record' : `${records} records`;
      const size = `${what}, ${batchExtent(bodyBytes)} bytes`;
      return `  batch ${sequence} at byte ${offset}: ${size}, committed up to ${commitIndex}`;
    }
    case 'entry': {
      const { index, term } = item.entry;
      return `    ${String(index).padStart(8)}  term ${term}  ${describeEntry(item.entry)}`;
    }
    case 'bad-entry':
      return `    the entry at byte ${item.offset} is bad (${item.why})`;
    case 'truncation':
      return `    cut: entry ${item.from} and all behind it are gone`;
    case 'torn':
      return `torn: ${item.bytes} bytes at byte ${item.offset} of ${item.file}: ${item.what}`;
    case 'rot':
      return `a start would cut off rot and go on as a suspect: ${describeDamage(item.damage)}`;
    case 'refusal':
      return `a start would refuse: ${item.refusal.message}`;
    case 'end':
      return `end of the log at byte ${item.offset} of ${item.file}: last entry ${item.lastIndex}`;
    default:
      return unreachable(item);
  }
}

function describeSnapshot({ index, term, bytes, id }: Snapshot): string {
  return `${bytes} bytes, the state behind entry ${index} of term ${term}, id ${id}`;
}

function describeSlot({ sequence, state, firstSegment, lastSegment, mark }: StateImage): string {
  const vote = state.votedFor === 0 ? 'no vote' : `voted for member ${state.votedFor}`;
  const standing = standingOf(state);
  const who = `${state.name} is member ${state.nodeId}${standing}`;
  return (
    `sequence ${sequence}: term ${state.currentTerm}, ${vote}, start ${state.incarnation}; ${who}\n` +
    `         segments ${firstSegment} to ${lastSegment}, ` +
    `durable at least up to byte ${mark.offset} of segment ${mark.segmentId}`
  );
}

function standingOf({ disowned, admitted, established, suspect }: StateImage['state']): string {
  if (disowned) return ', an old copy';
  if (suspect) return ', a suspect';
  if (!admitted) return ', not admitted';
  return established ? '' : ', not established';
}

function describeEntry({ type, payload }: Entry): string {
  switch (type) {
    case EntryType.Noop:
      return 'no-op: a new leader';
    case EntryType.Configuration: {
      const configuration = decodeConfiguration(payload);
      if (configuration === null) return 'configuration of a version unknown here';
      return `configuration: ${memberList(configuration).join(' ')}`;
    }
    case EntryType.Command: {
      const command = decodeCommand(payload);
      if (typeof command === 'string') return `command (${command}), ${payload.length} bytes`;
      return describeCommand(command);
    }
    default:
      return unreachable(type);
  }
}

function memberList({ members }: Configuration): readonly string[] {
  return members.map((member) => `${member.name}=${formatAddress(member)}@${member.peerPort}`);
}

const showKey = (key: Uint8Array): string => quoteStart(key, KEY_CHARS_MAX);
const showValue = (value: Uint8Array): string => quoteStart(value, VALUE_CHARS_MAX);

function describeCommand(command: Command): string {
  switch (command.kind) {
    case 'set': {
      const words = ['SET', showKey(command.key), showValue(command.value)];
      if (command.condition !== 'none') words.push(command.condition.toUpperCase());
      if (compares(command.condition)) words.push(showValue(command.comparand));
      if (command.get) words.push('GET');
      return words.join(' ');
    }
    case 'get':
      return `GET ${showKey(command.key)}`;
    case 'del':
    case 'exists':
      return `${command.kind.toUpperCase()} ${command.keys.map(showKey).join(' ')}`;
    case 'incrby':
      return `INCRBY ${showKey(command.key)} ${command.delta}`;
    default:
      return [command.kind.toUpperCase(), ...fieldsOf(command).flatMap(describeField)].join(' ');
  }
}

const compares = (condition: string): boolean => condition.startsWith('if');

type List = Extract<CommandField['value'], readonly unknown[]>;
const isList = (value: CommandField['value']): value is List => Array.isArray(value);

/** Keys and values as they were said, what else the command carries by its name. */
function describeField({ name, value }: CommandField): readonly string[] {
  if (value instanceof Uint8Array) return [showValue(value)];
  if (!isList(value)) return [`${name}=${value}`];
  return value.flatMap((item) => {
    return item instanceof Uint8Array ? showKey(item) : [showKey(item.key), showValue(item.value)];
  });
}

function jsonField({ name, value }: CommandField): string {
  const bare = (item: typeof value): string => {
    if (item instanceof Uint8Array) return jsonBytes(item);
    return typeof item === 'string' ? JSON.stringify(item) : String(item);
  };
  if (!isList(value)) return `"${name}":${bare(value)}`;
  const items = value.map((item) => {
    if (item instanceof Uint8Array) return jsonBytes(item);
    return `[${jsonBytes(item.key)},${jsonBytes(item.value)}]`;
  });
  return `"${name}":[${items.join(',')}]`;
}

/** The same as one line of JSON, a stable contract. Bytes are as `--json` shows them elsewhere. */
export function describeJson(item: InspectItem): string {
  switch (item.kind) {
    case 'slot':
      return typeof item.slot === 'string'
        ? JSON.stringify({ kind: 'slot', file: item.file, defect: item.slot })
        : JSON.stringify({ kind: 'slot', file: item.file, ...slotFields(item.slot) });
    case 'snapshot': {
      const { index, term, id, bytes, configuration } = item.snapshot;
      const its = decodeConfiguration(configuration);
      const members = its === null ? null : memberList(its);
      return JSON.stringify({ kind: 'snapshot', file: item.file, index, term, id, bytes, members });
    }
    case 'segment': {
      const { segmentId, segmentBytes, firstSequence, lastIndex, lastTerm } = item.header;
      const before = { segmentId, segmentBytes, firstSequence, lastIndex, lastTerm };
      return JSON.stringify({ kind: 'segment', file: item.file, ...before });
    }
    case 'batch': {
      const { offset, sequence, records, bodyBytes, commitIndex } = item.header;
      const bytes = batchExtent(bodyBytes);
      const header = { offset, sequence, records, bytes, commitIndex };
      return JSON.stringify({ kind: 'batch', file: item.file, ...header });
    }
    case 'entry':
      return entryJson(item.file, item.offset, item.entry);
    case 'bad-entry':
    case 'bad-snapshot':
    case 'truncation':
    case 'torn':
    case 'install':
    case 'end':
      return JSON.stringify(item);
    case 'rot': {
      const { file, offset, what, goodIndex } = item.damage;
      return JSON.stringify({ kind: 'rot', file, offset, what, goodIndex });
    }
    case 'refusal': {
      const { kind: reason, file, offset, message, remedy } = item.refusal;
      return JSON.stringify({ kind: 'refusal', reason, file, offset, message, remedy });
    }
    default:
      return unreachable(item);
  }
}

function slotFields(image: StateImage): object {
  const { sequence, firstSegment, lastSegment, mark, state } = image;
  return {
    sequence,
    node: state.name,
    nodeId: state.nodeId,
    directoryId: hex(state.directoryId),
    clusterId: hex(state.clusterId),
    term: state.currentTerm,
    votedFor: state.votedFor,
    incarnation: state.incarnation,
    startId: hex(startAgo(state.startHistory, 0) ?? EMPTY_BYTES),
    admitted: state.admitted,
    established: state.established,
    disowned: state.disowned,
    suspect: state.suspect,
    firstSegment,
    lastSegment,
    durable: mark,
  };
}

const typeNames: Record<EntryType, string> = {
  [EntryType.Noop]: 'no-op',
  [EntryType.Configuration]: 'configuration',
  [EntryType.Command]: 'command',
};

function entryJson(file: string, offset: number, entry: Entry): string {
  const { index, term, type, record } = entry;
  const place = { kind: 'entry', file, offset, index, term };
  const head = JSON.stringify({ ...place, type: typeNames[type], bytes: record.length });
  const content = contentJson(entry);
  return content === '' ? head : `${head.slice(0, -1)},${content}}`;
}

function contentJson({ type, payload }: Entry): string {
  if (type === EntryType.Noop) return '';
  if (type === EntryType.Configuration) {
    const configuration = decodeConfiguration(payload);
    return `"members":${JSON.stringify(configuration === null ? null : memberList(configuration))}`;
  }
  const command = decodeCommand(payload);
  if (typeof command === 'string') return `"defect":"${command}"`;
  return `"command":{${commandJson(command)}}`;
}

function commandJson(command: Command): string {
  const name = `"name":"${command.kind}"`;
  switch (command.kind) {
    case 'set': {
      const parts = [
        name,
        `"key":${jsonBytes(command.key)}`,
        `"value":${jsonBytes(command.value)}`,
      ];
      if (command.condition !== 'none') parts.push(`"condition":"${command.condition}"`);
      if (compares(command.condition)) parts.push(`"with":${jsonBytes(command.comparand)}`);
      if (command.get) parts.push('"get":true');
      return parts.join(',');
    }
    case 'get':
      return `${name},"key":${jsonBytes(command.key)}`;
    case 'del':
    case 'exists':
      return `${name},"keys":[${command.keys.map(jsonBytes).join(',')}]`;
    case 'incrby':
      return `${name},"key":${jsonBytes(command.key)},"delta":${command.delta}`;
    default:
      return [name, ...fieldsOf(command).map(jsonField)].join(',');
  }
}
