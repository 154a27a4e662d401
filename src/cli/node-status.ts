import type { Client } from '../node/client.ts';

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

export interface StatusReply {
  readonly status: MemberStatus;
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
    members: membersOf(fields.get('members')),
  };
}

function membersOf(value: unknown): StatusReply['members'] {
  if (!Array.isArray(value)) return [];
  return value.filter(
    (member) => typeof member?.name === 'string' && typeof member?.address === 'string',
  );
}
