import { ByteReader, ByteWriter, bytesEqual } from '../base/bytes.ts';
import { type NodeId, nodeId } from '../base/ids.ts';

/** One member of the cluster: `name=host:port[@peerport]` on the command line. */
export interface Member {
  /** Members are numbered from 1 in the order of their names' bytes. */
  readonly id: NodeId;
  readonly name: string;
  readonly host: string;
  /** Where clients connect. */
  readonly port: number;
  /** Where peers connect. */
  readonly peerPort: number;
}

/** Who makes up the cluster. Entry 1 of the log is one; the latest in the log is in force. */
export interface Configuration {
  /** 16 random bytes, drawn by the first leader: the cluster's identity for ever. */
  readonly clusterId: Uint8Array;
  /** In the order of their ids. */
  readonly members: readonly Member[];
}

const CONFIGURATION_VERSION = 1;
export const CLUSTER_ID_BYTES = 16;
export const MEMBERS_MAX = 7;

export function encodeConfiguration(configuration: Configuration): Uint8Array {
  const out = new ByteWriter();
  out.u8(CONFIGURATION_VERSION).raw(configuration.clusterId).u8(configuration.members.length);
  for (const member of configuration.members) {
    out.u32(member.id).text(member.name).text(member.host).u16(member.port).u16(member.peerPort);
  }
  return out.copy();
}

/** Null when the bytes are not a configuration of a version this code knows. */
export function decodeConfiguration(payload: Uint8Array): Configuration | null {
  const read = new ByteReader(payload);
  if (read.u8() !== CONFIGURATION_VERSION) return null;
  const clusterId = read.slice(CLUSTER_ID_BYTES).slice();
  const members: Member[] = [];
  const count = read.u8();
  for (let i = 0; i < count && read.ok; i++) {
    members.push({
      id: nodeId(read.u32()),
      name: read.text(),
      host: read.text(),
      port: read.u16(),
      peerPort: read.u16(),
    });
  }
  if (!read.ok || read.remaining !== 0 || count === 0 || count > MEMBERS_MAX) return null;
  return { clusterId, members };
}

/** Whether both name the same members at the same addresses, whatever the cluster's id. */
export function sameMembers(a: readonly Member[], b: readonly Member[]): boolean {
  const image = (members: readonly Member[]) =>
    encodeConfiguration({ clusterId: new Uint8Array(CLUSTER_ID_BYTES), members });
  return bytesEqual(image(a), image(b));
}
