/** Every subject of frontsync, and the way from a document's id to one and back. */
import { createHash } from "node:crypto";
import { FrontsyncError } from "../../schemas/errors.ts";

/** The stream of the key-value bucket `datastore`: the ground truth. */
export const STREAM = "KV_datastore";
const STORE = "$KV.datastore";
const LIVE = "ds.live";
const REQUEST = "ds.req";

/** Every subject of the store; as a live subject, what is republished of it. */
export const STORE_ALL = `${STORE}.>`;
export const LIVE_ALL = `${LIVE}.>`;
/** Where handlers say how far the stream goes. No collection's name begins with `_`, and webservers can't publish here. */
export const LIVE_HEAD = `${LIVE}._head`;
/** The store's own documents: `_meta.epochs`, … */
export const META = "_meta";
/** Stands for a collection in the subject of a request that is about all of them. */
export const ALL_COLLECTIONS = "_";
/** What a caller may be called: a token of a subject, and of an inbox. */
export const WEBSERVER_ID = /^[A-Za-z0-9_-]{1,64}$/;

const PLAIN = /^[A-Za-z0-9_-]+$/;
const MAX_TOKEN = 128;

export function storeSubject(collection: string, id: string): string {
  return `${STORE}.${collection}.${idToken(id)}`;
}

/** Every document of a collection. */
export function storeSubjects(collection: string): string {
  return `${STORE}.${collection}.>`;
}

/** A collection's live changes, for programs that want just one. */
export function liveSubject(collection: string): string {
  return `${LIVE}.${collection}.>`;
}

/** The store's subject of a live one. */
export function storeSubjectOf(live: string): string {
  return STORE + live.slice(LIVE.length);
}

/** Collection and key token(s) of a store subject. */
export function parseStoreSubject(subject: string): { collection: string; token: string } {
  const end = subject.indexOf(".", STORE.length + 1);
  return { collection: subject.slice(STORE.length + 1, end), token: subject.slice(end + 1) };
}

export function requestSubject(collection: string, verb: string, webserver: string): string {
  return `${REQUEST}.${collection}.${verb}.${webserver}`;
}

/** Collection and webserver of a request's subject `ds.req.<collection>.<verb>.<webserver>`. */
export function parseRequestSubject(subject: string): { collection: string; webserver: string } {
  const [, , collection = "", , webserver = ""] = subject.split(".");
  return { collection, webserver };
}

/** A connection's own inbox: NATS permissions let a webserver read only this one. */
export function inboxPrefix(webserver: string): string {
  return `_INBOX_${webserver}`;
}

/** An id as a token of a subject: `[A-Za-z0-9_-]` as they are, every other byte of its UTF-8 as `=XX`. Above 128 bytes `=h.` and the
 *  hash of the id, which no escaped id can begin with; the true id then travels in the envelope. */
export function idToken(id: string): string {
  const token = escapeId(id);
  return token.length > MAX_TOKEN ? `=h.${createHash("sha256").update(id).digest("hex")}` : token;
}

export function isHashed(token: string): boolean {
  return token.startsWith("=h.");
}

/** The id that a key token stands for; `escaped`: the envelope's, where the token is only a hash. */
export function idOf(token: string, escaped: string | undefined): string {
  return unescapeId(isHashed(token) ? (escaped ?? "") : token);
}

/** The id with every byte outside `[A-Za-z0-9_-]` as `=XX`. */
export function escapeId(id: string): string {
  if (PLAIN.test(id)) return id;
  let escaped = "";
  for (const byte of Buffer.from(id)) escaped += ESCAPED[byte];
  return escaped;
}

/** Of each byte. */
const ESCAPED = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  return PLAIN.test(character) ? character : `=${byte.toString(16).toUpperCase().padStart(2, "0")}`;
});

/** The id of an escaped one. Throws BAD_ID for what `escapeId` does not make. */
export function unescapeId(token: string): string {
  if (PLAIN.test(token)) return token;
  const bytes: number[] = [];
  for (let at = 0; at < token.length; at++) {
    const character = token[at] as string;
    if (PLAIN.test(character)) bytes.push(character.charCodeAt(0));
    else if (/^=[0-9A-F]{2}$/.test(token.slice(at, at + 3))) {
      bytes.push(Number.parseInt(token.slice(at + 1, at + 3), 16));
      at += 2;
    } else throw new FrontsyncError("BAD_ID", `The subject token '${token.slice(0, 80)}' is no escaped id.`);
  }
  return Buffer.from(bytes).toString("utf8");
}
