/** Where a webserver is, from what it, or a configuration file, says. */
import { isIP } from "node:net";

export interface Address {
  /** An IPv6 address without brackets. */
  host: string;
  port: number;
}

const PORTS = { plain: 80, tls: 443 };
/** To which nobody can answer: every interface, many machines at once. */
const NOBODY = /^(0\.|22[4-9]\.|23\d\.|24\d\.|25[0-5]\.|::$|ff)/i;

/** `host[:port]` of an External-Addr, also behind `http://`; undefined: it is none. What is taken stands in configuration of other proxies, too, so
 *  that there must be nothing else in it. */
export function parseExternal(text: string, secure: boolean): Address | undefined {
  const match = /^(?:https?:\/\/)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*)(?::(\d{1,5}))?\/?$/.exec(text);
  if (!match) return undefined;
  const host = (match[1] as string).replace(/^\[(.*)\]$/, "$1");
  const port = match[2] === undefined ? (secure ? PORTS.tls : PORTS.plain) : Number(match[2]);
  const bracketed = match[1]?.startsWith("[") === true;
  if (port < 1 || port > 65_535 || host.length > 253 || (bracketed && isIP(host) !== 6)) return undefined;
  return isIP(host) > 0 && NOBODY.test(host) ? undefined : { host, port };
}

/** As it stands in a URL. */
export function formatAddress({ host, port }: Address): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
