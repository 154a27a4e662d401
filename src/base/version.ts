/** The version of DKVS. A test holds it to package.json's. */
export const VERSION = '0.1.0';

/** The Redis whose commands, replies and error texts DKVS keeps. Clients that ask a server for its
 *  version want to know what they may say to it. */
export const REDIS_VERSION = '8.4.0';
