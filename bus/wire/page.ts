/** A page of versions as bytes: the head (changes.reply, versions.reply), then the records. A record is a version: its subject, its revision as a number
 *  of 64 bits (IEEE 754), its headers, its body. Before each of these its length, 32 bits, big-endian. */
import { FrontsyncError } from "../../schemas/errors.ts";
import type { Schemas } from "../../schemas/index.ts";
import type { Messages } from "../../schemas/types.ts";
import { asBuffer } from "../platform/bytes.ts";
import { StoredVersion } from "./version.ts";

/** The heads that pages have. */
type Paged = "changes.reply" | "versions.reply" | "listing.reply" | "rows.reply";

/** Above the largest document, and with it below the largest message of the embedded server. */
const MAX_PAGE_BYTES = 5 * 1024 * 1024;
/** Beside a page's records: its head, with the lives of the store. */
const HEAD_BYTES = 64 * 1024;
/** Beside a body in a record: subject, headers, lengths. */
const FACTS_BYTES = 16 * 1024;
/** Of the length before each piece, and of a revision. */
const LENGTH_BYTES = 4;
const NUMBER_BYTES = 8;

/** How much of the store may be read for one page, where a message has at most `maxPayload` bytes. */
export function pageBytes(maxPayload: number): number {
  return Math.min(MAX_PAGE_BYTES, maxPayload - HEAD_BYTES);
}

/** The largest body that a page has room for. What is stored must reach the replicas, too. */
export function largestBody(maxPayload: number): number {
  return pageBytes(maxPayload) - FACTS_BYTES;
}

export function encodePage(head: Messages[Paged], versions: readonly StoredVersion[]): Uint8Array {
  const json = Buffer.from(JSON.stringify(head));
  const page = Buffer.allocUnsafeSlow(LENGTH_BYTES + json.length + recordsBytes(versions));
  const records = page.writeUInt32BE(json.length) + json.copy(page, LENGTH_BYTES);
  writeRecords(page, records, versions);
  return page;
}

/** Records alone: how live changes are handed to the replica. The bytes have a buffer of their own, which can be transferred. */
export function encodeRecords(changes: readonly StoredVersion[]): Uint8Array {
  const records = Buffer.allocUnsafeSlow(recordsBytes(changes));
  writeRecords(records, 0, changes);
  return records;
}

function recordsBytes(versions: readonly StoredVersion[]): number {
  return versions.reduce(
    (sum, { subject, headersLength, bodyLength }) =>
      sum + 4 * LENGTH_BYTES + Buffer.byteLength(subject) + NUMBER_BYTES + headersLength + bodyLength,
    0,
  );
}

/** In place: a list of pieces to be joined would cost more than all the rest. */
function writeRecords(target: Buffer, from: number, versions: readonly StoredVersion[]): void {
  let at = from;
  for (const version of versions) {
    const length = target.write(version.subject, at + LENGTH_BYTES);
    at = target.writeUInt32BE(length, at) + length;
    at = target.writeUInt32BE(NUMBER_BYTES, at);
    at = target.writeDoubleBE(version.revision, at);
    at = target.writeUInt32BE(version.headersLength, at);
    at += version.copyHeaders(target, at);
    at = target.writeUInt32BE(version.bodyLength, at);
    at += version.copyBody(target, at);
  }
}

/** Throws BAD_MESSAGE when the bytes are no page with a head of this `kind`. */
export function decodePage<K extends Paged = "changes.reply">(
  schemas: Schemas,
  page: Uint8Array,
  kind: K = "changes.reply" as K,
): { head: Messages[K]; records: Uint8Array } {
  const at = endOfChunk(asBuffer(page), 0);
  return { head: schemas.read(kind, page.subarray(LENGTH_BYTES, at)), records: page.subarray(at) };
}

/** The records of a page, one by one. Headers and bodies are views of the page's bytes. */
export function* decodeRecords(records: Uint8Array): Generator<StoredVersion> {
  const bytes = asBuffer(records);
  for (let at = 0; at < bytes.length; ) {
    const number = endOfChunk(bytes, at);
    const headers = endOfChunk(bytes, number);
    const body = endOfChunk(bytes, headers);
    const next = endOfChunk(bytes, body);
    if (headers - number !== LENGTH_BYTES + NUMBER_BYTES)
      throw new FrontsyncError("BAD_MESSAGE", "A record's revision is no number.");
    const start = headers + LENGTH_BYTES;
    yield new StoredVersion(
      bytes.toString("latin1", at + LENGTH_BYTES, number),
      bytes.readDoubleBE(number + LENGTH_BYTES),
      bytes.subarray(start, next),
      body - start,
      body + LENGTH_BYTES - start,
    );
    at = next;
  }
}

/** Where the piece that begins at `at` with its length ends. */
function endOfChunk(bytes: Buffer, at: number): number {
  const start = at + LENGTH_BYTES;
  const end = start <= bytes.length ? start + bytes.readUInt32BE(at) : Number.POSITIVE_INFINITY;
  if (end > bytes.length) throw new FrontsyncError("BAD_MESSAGE", "A page of changes is cut short.");
  return end;
}
