/** A page of changes as bytes: the length of its head, the head (changes.reply), then the records. A record is the length of its facts,
 *  the facts as JSON, the length of its body, the body: bodies are carried, never parsed. Lengths are 32-bit, big-endian. */
import { FrontsyncError } from "../../schemas/errors.ts";
import type { Schemas } from "../../schemas/index.ts";
import type { ChangesReply, Envelope } from "../../schemas/types.ts";
import type { StoredVersion } from "./stream.ts";

/** One version as a replica takes it. */
export interface Change {
  subject: string;
  revision: number;
  deleted: boolean;
  /** undefined: not a document, but one of the store's own. */
  envelope: Envelope | undefined;
  body: Uint8Array;
}

type Facts = Omit<Change, "body">;

export function encodePage(head: ChangesReply, versions: readonly StoredVersion[]): Uint8Array {
  return frame([Buffer.from(JSON.stringify(head)), ...versions.flatMap(recordChunks)]);
}

/** Records alone: how live changes are handed to the replica. The bytes have a buffer of their own, which can be transferred. */
export function encodeRecords(changes: readonly Change[]): Uint8Array {
  return frame(changes.flatMap(recordChunks));
}

function recordChunks({ subject, revision, deleted, envelope, body }: Change): Uint8Array[] {
  return [Buffer.from(JSON.stringify({ subject, revision, deleted, envelope } satisfies Facts)), body];
}

function frame(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + 4 + length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const chunk of chunks) {
    view.setUint32(at, chunk.length);
    bytes.set(chunk, at + 4);
    at += 4 + chunk.length;
  }
  return bytes;
}

/** Throws BAD_MESSAGE when the bytes are no page. */
export function decodePage(schemas: Schemas, page: Uint8Array): { head: ChangesReply; records: Uint8Array } {
  const [head, at] = chunk(page, 0);
  return { head: schemas.read("changes.reply", head), records: page.subarray(at) };
}

/** The records of a page, one by one. The bodies are views of the page's bytes. */
export function* decodeRecords(records: Uint8Array): Generator<Change> {
  for (let at = 0; at < records.length; ) {
    const [facts, afterFacts] = chunk(records, at);
    const [body, next] = chunk(records, afterFacts);
    yield { ...(JSON.parse(Buffer.from(facts.buffer, facts.byteOffset, facts.length).toString("latin1")) as Facts), body };
    at = next;
  }
}

function chunk(bytes: Uint8Array, at: number): [Uint8Array, number] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = at + 4;
  const end = start <= bytes.length ? start + view.getUint32(at) : Number.POSITIVE_INFINITY;
  if (end > bytes.length) throw new FrontsyncError("BAD_MESSAGE", "A page of changes is cut short.");
  return [bytes.subarray(start, end), end];
}
