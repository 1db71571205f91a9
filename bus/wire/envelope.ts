/** The envelope of a version: what is said of it beside its body, in NATS headers, so that the body is the document and nothing else. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { sha256 } from "../../schemas/digest.ts";
import type { Envelope } from "../../schemas/types.ts";
import { type MsgHdrs, makeHeaders } from "./nats.ts";

const HEADERS = {
  version: "Fs-Version",
  by: "Fs-By",
  webserver: "Fs-Webserver",
  at: "Fs-Time",
  created: "Fs-Created",
  sha256: "Fs-Sha256",
  seen: "Fs-Seen",
  signature: "Fs-Signature",
  id: "Fs-Id",
} as const satisfies Record<keyof Envelope, string>;

const FIELDS = new Map(Object.entries(HEADERS).map(([field, header]) => [header as string, field as keyof Envelope]));
/** What the key-value convention calls a tombstone. */
const OPERATION = "KV-Operation";

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

export function verify(key: Uint8Array, subject: string, envelope: Envelope): boolean {
  const wanted = Buffer.from(sign(key, subject, envelope));
  const given = Buffer.from(envelope.signature);
  return wanted.length === given.length && timingSafeEqual(wanted, given);
}

export function toHeaders(envelope: Envelope, deleted: boolean): MsgHdrs {
  const headers = makeHeaders();
  for (const field of Object.keys(HEADERS) as (keyof Envelope)[]) {
    const value = envelope[field];
    if (value !== undefined) headers.set(HEADERS[field], String(value));
  }
  if (deleted) headers.set(OPERATION, "DEL");
  return headers;
}

/** A stored or republished message's headers, taken apart. `envelope` is undefined for what is not a version of a document. */
export interface StoredHeaders {
  envelope: Envelope | undefined;
  deleted: boolean;
  /** The message's own headers that JetStream added: subject, sequence. */
  subject: string;
  revision: number;
}

export function fromHeaders(headers: MsgHdrs | undefined): StoredHeaders {
  const envelope: Partial<Record<keyof Envelope, string>> = {};
  const stored: StoredHeaders = { envelope: undefined, deleted: false, subject: "", revision: 0 };
  for (const [name, [value = ""]] of headers ?? []) {
    const field = FIELDS.get(name);
    if (field) envelope[field] = value;
    else if (name === "Nats-Sequence") stored.revision = Number(value);
    else if (name === "Nats-Subject") stored.subject = value;
    else if (name === OPERATION) stored.deleted = value === "DEL" || value === "PURGE";
  }
  if (envelope.version !== undefined) stored.envelope = { ...(envelope as unknown as Envelope), by: Number(envelope.by) };
  return stored;
}
