/** A page of versions as bytes: the head (changes.reply, versions.reply), then the records. A record is a version: its subject, its revision as a number
 *  of 64 bits (IEEE 754), its headers, its body. Before each of these its length, 32 bits, big-endian. */
import { FrontsyncError } from "../../schemas/errors.ts";
import type { Schemas } from "../../schemas/index.ts";
import type { Messages } from "../../schemas/types.ts";
import { headerText, StoredVersion } from "./version.ts";

/** The heads that pages have. */
type Paged = "changes.reply" | "versions.reply" | "listing.reply" | "rows.reply";

/** Above the largest document, and with it below the largest message of the embedded server. */
const MAX_PAGE_BYTES = 5 * 1024 * 1024;
/** Beside a page's records: its head, with the lives of the store. */
const HEAD_BYTES = 64 * 1024;
/** Beside a body in a record: subject, headers, lengths. */
const FACTS_BYTES = 16 * 1024;

/** How much of the store may be read for one page, where a message has at most `maxPayload` bytes. */
export function pageBytes(maxPayload: number): number {
  return Math.min(MAX_PAGE_BYTES, maxPayload - HEAD_BYTES);
}

/** The largest body that a page has room for. What is stored must reach the replicas, too. */
export function largestBody(maxPayload: number): number {
  return pageBytes(maxPayload) - FACTS_BYTES;
}

export function encodePage(head: Messages[Paged], versions: readonly StoredVersion[]): Uint8Array {
  return frame([Buffer.from(JSON.stringify(head)), ...versions.flatMap(recordChunks)]);
}

/** Records alone: how live changes are handed to the replica. The bytes have a buffer of their own, which can be transferred. */
export function encodeRecords(changes: readonly StoredVersion[]): Uint8Array {
  return frame(changes.flatMap(recordChunks));
}

function recordChunks({ subject, revision, headers, body }: StoredVersion): Uint8Array[] {
  const number = new Uint8Array(8);
  new DataView(number.buffer).setFloat64(0, revision);
  return [Buffer.from(subject), number, headers, body];
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

/** Throws BAD_MESSAGE when the bytes are no page with a head of this `kind`. */
export function decodePage<K extends Paged = "changes.reply">(
  schemas: Schemas,
  page: Uint8Array,
  kind: K = "changes.reply" as K,
): { head: Messages[K]; records: Uint8Array } {
  const [head, at] = chunk(page, 0);
  return { head: schemas.read(kind, head), records: page.subarray(at) };
}

/** The records of a page, one by one. Headers and bodies are views of the page's bytes. */
export function* decodeRecords(records: Uint8Array): Generator<StoredVersion> {
  for (let at = 0; at < records.length; ) {
    const [subject, afterSubject] = chunk(records, at);
    const [number, afterNumber] = chunk(records, afterSubject);
    const [headers, afterHeaders] = chunk(records, afterNumber);
    const [body, next] = chunk(records, afterHeaders);
    if (number.length !== 8) throw new FrontsyncError("BAD_MESSAGE", "A record's revision is no number.");
    const revision = new DataView(number.buffer, number.byteOffset).getFloat64(0);
    yield new StoredVersion(headerText(subject), revision, headers, body);
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
