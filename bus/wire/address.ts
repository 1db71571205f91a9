/** Where a datastore is, and with what secret. */
import { isIP } from "node:net";
import { FrontsyncError } from "../../schemas/errors.ts";

export const DEFAULT_PORT = 9405;
/** The product's well-known default: good for loopback only. */
export const DEFAULT_CONTROL_AUTH = "ControlSecrets";

/** Whether a host is this machine alone. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  return bare === "localhost" || bare === "::1" || (isIP(bare) === 4 && bare.startsWith("127."));
}

/** `host[:port]` as `host:port`. Throws BAD_CONFIG. */
export function parseAddress(address: string): string {
  const match = typeof address === "string" ? /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(address.trim()) : null;
  const port = Number(match?.[2] ?? DEFAULT_PORT);
  if (!match || port < 1 || port > 65535) {
    throw new FrontsyncError(
      "BAD_CONFIG",
      `${JSON.stringify(address)} is no address of a datastore: write host, host:port or [IPv6]:port.`,
    );
  }
  return `${match[1]}:${port}`;
}

/** NATS takes no longer lines in its greeting. */
const MAX_SECRET = 1024;

/** Throws BAD_CONFIG. */
export function checkControlAuth(secret: unknown): string {
  if (typeof secret === "string" && secret !== "" && secret.length <= MAX_SECRET) return secret;
  throw new FrontsyncError(
    "BAD_CONFIG",
    `\`controlAuth\` must be a secret of 1 to ${MAX_SECRET} characters; leave it out on loopback.`,
  );
}
