import { byteString } from '../../base/bytes.ts';
import { parseInt64 } from '../../base/int64.ts';
import { VERSION } from '../../base/version.ts';
import { array, bulk, integer, type Reply, verbatim } from '../../kv/reply.ts';
import { notAnInteger } from '../../protocol/errors.ts';
import { isWord } from '../../protocol/words.ts';
import type { ConnectionHandler } from '../connection.ts';
import { isSilent, type NodeView, statusJson } from '../status.ts';

// What a node says of itself, in a few words. At length: info.ts.

export const status: ConnectionHandler = (_connection, { view }) => bulk(statusJson(view));

export const time: ConnectionHandler = (_connection, { view }) => {
  const micros = Math.floor(view.wallMs * 1000);
  const seconds = Math.floor(micros / 1e6);
  return array([bulk(String(seconds)), bulk(String(micros - seconds * 1e6))]);
};

/** Redis counts bytes of a replication stream, DKVS entries of the log. */
export const role: ConnectionHandler = (_connection, { view }): Reply => {
  if (view.role === 'leader') {
    const heard = view.followers.filter((follower) => !isSilent(follower));
    const replicas = heard.map(({ id, matchIndex }) => {
      const { host, port } = view.members.find((member) => member.id === id)!;
      return array([bulk(host), bulk(String(port)), bulk(String(matchIndex))]);
    });
    return array([bulk('master'), integer(view.lastIndex), array(replicas)]);
  }
  const { leader } = view;
  return array([
    bulk('slave'),
    bulk(leader?.host ?? ''),
    integer(leader?.port ?? 0),
    bulk(leader === null ? 'connect' : 'connected'),
    integer(view.lastApplied),
  ]);
};

export const lolwut: ConnectionHandler = (_connection, { view }, args) => {
  const asksVersion = args.length > 2 && isWord(args[1]!, 'version');
  if (asksVersion && parseInt64(byteString(args[2]!)) === null) return notAnInteger;
  return verbatim(raftDrawing(view));
};

/** It floats as long as somebody steers. */
function raftDrawing(view: NodeView): string {
  const { leader, term, commitIndex, members } = view;
  const crew = `${members.length} aboard, term ${term}, ${commitIndex} logs lashed together`;
  const lines =
    leader === null
      ? [
          '',
          '        adrift: nobody at the helm',
          '',
          '   ____________',
          ' ~(____)___(___)~~~~ ~ ~~~',
        ]
      : [
          '       |\\',
          `       | \\    ${leader.name} at the helm`,
          '       |__\\',
          '   ____|_____',
          ' ~(===(==)===)~~~~ ~ ~~~',
        ];
  return `${lines.join('\n')}\n ${crew}\n\nDKVS ver. ${VERSION}\n`;
}
