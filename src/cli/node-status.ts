import type { Client } from '../node/client.ts';

/** A node that does not answer for this long, in ms, is shown as unreachable. */
export const ASK_MS = 500;

/** One member, as `dkvs status` shows it; what isn't known is null. */
export interface MemberStatus {
  readonly name: string | null;
  readonly address: string;
  readonly role: 'leader' | 'follower' | 'candidate' | 'unreachable';
  readonly term: number | null;
  readonly commitIndex: number | null;
  readonly lastApplied: number | null;
  readonly lastIndex: number | null;
  /** The name of the leader that this member follows, or is. */
  readonly leader: string | null;
  /** "running"; "joining", while a new directory waits to be admitted; "stopping". */
  readonly phase: string | null;
  /** "ok", or "full" while the disk has no room. */
  readonly storage: string | null;
  /** Rot was found in its log: it neither votes nor counts until it is whole again. */
  readonly suspect: boolean | null;
}

/** What a member says of itself beside where it stands in the log; what isn't known is null. */
export interface MemberFacts {
  readonly keys: number | null;
  readonly revision: number | null;
  readonly clients: number | null;
  readonly memoryBytes: number | null;
}

export interface StatusReply {
  readonly status: MemberStatus;
  readonly facts: MemberFacts;
  /** All members of the cluster, as this one knows them. */
  readonly members: readonly { readonly name: string; readonly address: string }[];
}

export function unreachable(address: string, name: string | null = null): MemberStatus {
  return {
    name,
    address,
    role: 'unreachable',
    term: null,
    commitIndex: null,
    lastApplied: null,
    lastIndex: null,
    leader: null,
    phase: null,
    storage: null,
    suspect: null,
  };
}

/** Asks one node; null when it does not answer within the deadline. */
export async function askStatus(
  client: Client,
  address: string,
  deadlineMs: number,
): Promise<StatusReply | null> {
  try {
    const bytes = await client.statusOf(address, { deadlineMs });
    return readStatus(address, JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return null;
  }
}

/** A member, and what it said of itself if it answered. */
export interface MemberReport {
  readonly status: MemberStatus;
  readonly facts: MemberFacts | null;
}

/** Asks the nodes it was told of, learns of the other members from them, and asks those too. */
export async function askAll(
  client: Client,
  seeds: readonly string[],
  askMs: number,
): Promise<readonly MemberReport[]> {
  const asked = new Map<string, MemberReport>();
  const names = new Map<string, string>();
  let next: readonly string[] = seeds;
  while (next.length > 0) {
    const replies = await Promise.all(next.map((address) => askStatus(client, address, askMs)));
    replies.forEach((reply, i) => {
      asked.set(next[i]!, reply ?? { status: unreachable(next[i]!), facts: null });
      for (const { name, address } of reply?.members ?? []) names.set(address, name);
    });
    next = [...names.keys()].filter((address) => !isKnown(asked, address));
  }
  return orderly(asked, names);
}

/** Who leads, as far as these say: of two, the one of the later term. */
export function leaderAmong(reports: readonly MemberReport[]): MemberStatus | null {
  return latest(reports.map(({ status }) => status).filter(({ role }) => role === 'leader'));
}

/** The one of the latest term; null when there is none. */
export function latest(statuses: readonly MemberStatus[]): MemberStatus | null {
  let found: MemberStatus | null = null;
  for (const status of statuses) {
    if (found === null || (status.term ?? -1) > (found.term ?? -1)) found = status;
  }
  return found;
}

/** A member may have been asked under another name of the same place (localhost, 127.0.0.1). */
function isKnown(asked: ReadonlyMap<string, MemberReport>, address: string): boolean {
  return asked.has(address) || [...asked.values()].some(({ status }) => status.address === address);
}

function orderly(
  asked: ReadonlyMap<string, MemberReport>,
  names: ReadonlyMap<string, string>,
): readonly MemberReport[] {
  const byAddress = new Map<string, MemberReport>();
  for (const { status, facts } of asked.values()) {
    const name = status.name ?? names.get(status.address) ?? null;
    byAddress.set(status.address, { status: { ...status, name }, facts });
  }
  const key = ({ status: { name, address } }: MemberReport) => name ?? `\uffff${address}`;
  return [...byAddress.values()].sort((a, b) =>
    key(a).localeCompare(key(b), 'en', { numeric: true }),
  );
}

/** Takes from a node's STATUS what is known here; a newer node may say more. */
function readStatus(asked: string, json: unknown): StatusReply {
  const fields = new Map(Object.entries(json as object));
  const text = (name: string) => {
    const value: unknown = fields.get(name);
    return typeof value === 'string' && value !== '' ? value : null;
  };
  const count = (name: string) => {
    const value: unknown = fields.get(name);
    return typeof value === 'number' ? value : null;
  };
  const role = text('role');
  return {
    status: {
      name: text('name'),
      address: text('address') ?? asked,
      role: role === 'leader' || role === 'candidate' ? role : 'follower',
      term: count('term'),
      commitIndex: count('commitIndex'),
      lastApplied: count('lastApplied'),
      lastIndex: count('lastIndex'),
      leader: text('leader'),
      phase: text('phase'),
      storage: text('storage'),
      suspect: fields.get('suspect') === true,
    },
    facts: {
      keys: count('keys'),
      revision: count('revision'),
      clients: count('clients'),
      memoryBytes: count('memoryBytes'),
    },
    members: membersOf(fields.get('members')),
  };
}

function membersOf(value: unknown): StatusReply['members'] {
  if (!Array.isArray(value)) return [];
  return value.filter(
    (member) => typeof member?.name === 'string' && typeof member?.address === 'string',
  );
}
