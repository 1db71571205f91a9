/** The envelope of a version: what is said of it beside its body, in NATS headers, so that the body is the document and nothing else. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { sha256 } from "../../schemas/digest.ts";
import type { Envelope } from "../../schemas/types.ts";

/** The header of each field. */
export const ENVELOPE_HEADERS = {
  version: "Fs-Version",
  by: "Fs-By",
  webserver: "Fs-Webserver",
  at: "Fs-Time",
  created: "Fs-Created",
  sha256: "Fs-Sha256",
  seen: "Fs-Seen",
  signature: "Fs-Signature",
  id: "Fs-Id",
  origin: "Fs-Origin",
  schema: "Fs-Schema",
} as const satisfies Record<keyof Envelope, string>;

const ENTRIES = Object.entries(ENVELOPE_HEADERS) as [keyof Envelope, string][];
const FIELDS = new Map(ENTRIES.map(([field, header]) => [header, field]));
const NUMBERS = new Set<keyof Envelope>(["by", "schema"]);
/** Where the key-value convention says that a version is a tombstone. */
export const OPERATION_HEADER = "KV-Operation";

export function bodyHash(body: Uint8Array): string {
  return sha256(body).toString("base64url");
}

/** Signs what makes a version: only the functions have the key, so a version that comes back from a webserver can be told to be one
 *  that this deployment has stored. */
export function sign(key: Uint8Array, subject: string, envelope: Omit<Envelope, "signature">): string {
  return createHmac("sha256", key)
    .update([subject, envelope.sha256, envelope.version, envelope.at].join("\n"))
    .digest("base64url");
}

/** Whether a version is one that was signed with this key. */
export function isSigned(key: Uint8Array, subject: string, envelope: Envelope): boolean {
  const [wanted, given] = [Buffer.from(sign(key, subject, envelope)), Buffer.from(envelope.signature ?? "")];
  return wanted.length === given.length && timingSafeEqual(wanted, given);
}

/** The lines of the headers that carry an envelope. */
export function envelopeLines(envelope: Envelope, deleted: boolean): string {
  let lines = deleted ? `${OPERATION_HEADER}: DEL\r\n` : "";
  for (const [field, header] of ENTRIES) {
    const value = envelope[field];
    if (value !== undefined) lines += `${header}: ${value}\r\n`;
  }
  return lines;
}

/** The envelope in a header block; undefined: it is not one of a document's version. */
export function readEnvelope(headers: string): Envelope | undefined {
  const envelope: Partial<Record<keyof Envelope, string | number>> = {};
  for (const line of headers.split("\r\n")) {
    const colon = line.indexOf(":");
    const field = FIELDS.get(line.slice(0, colon));
    const value = field && line.slice(colon + 1).trim();
    if (field && value !== undefined) envelope[field] = NUMBERS.has(field) ? Number(value) : value;
  }
  return envelope.version === undefined ? undefined : ({ by: Number.NaN, ...envelope } as Envelope);
}

/** One value of a header block. */
export function headerValue(headers: string, name: string): string | undefined {
  const at = headers.indexOf(`\n${name}:`);
  if (at < 0) return undefined;
  const start = at + name.length + 2;
  const end = headers.indexOf("\r\n", start);
  return headers.slice(start, end < 0 ? undefined : end).trim();
}
