import { byteString } from '../../base/bytes.ts';
import { wordsOf } from './words.ts';

/**
 * Whether a typed text may hold a password, and so belongs into no history: AUTH, HELLO … AUTH,
 * MIGRATE … AUTH, ACL SETUSER, and a CONFIG SET of something that is named like one. In doubt it does:
 * a command that has to be typed again costs less than a password in a file.
 */
export function mayHoldSecret(text: string): boolean {
  // With wrong quotes it was never sent, but the password is in it all the same.
  const words = (wordsOf(text)?.map((word) => byteString(word)) ?? text.split(/[\s"']+/))
    .filter((word) => word !== '')
    .map((word) => word.toLowerCase());
  const [name, ...rest] = words;
  switch (name) {
    case 'auth':
      return true;
    case 'hello':
    case 'migrate':
      return rest.some((word) => word === 'auth' || word === 'auth2');
    case 'acl':
      return rest[0] === 'setuser';
    case 'config':
      return rest[0] === 'set' && rest.some((word) => /pass|auth|secret|token|user/.test(word));
    default:
      return false;
  }
}
