/** Where a node listens for clients. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

const PORT = /^\d{1,5}$/;

/**
 * Reads `host:port`; an IPv6 host stands in brackets, `[::1]:7001`.
 * @returns null when the text is anything else, or the port is not in 1..65535.
 */
export function parseAddress(text: string): Address | null {
  const colon = text.lastIndexOf(':');
  if (colon <= 0) return null;
  const portText = text.slice(colon + 1);
  const port = Number(portText);
  if (!PORT.test(portText) || port < 1 || port > 65_535) return null;
  const host = text.slice(0, colon);
  if (host.startsWith('[') && host.endsWith(']') && host.length > 2) {
    return { host: host.slice(1, -1), port };
  }
  // A bare colon in the host would be an IPv6 address whose last group looks like a port.
  return /^[^\s:@,/[\]]+$/.test(host) ? { host, port } : null;
}

/** The inverse of `parseAddress`, and the name under which the client knows a node. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
