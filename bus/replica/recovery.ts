/** What a webserver held and gave up: rows that the datastore does not have and nothing explains. They are kept in `recovery.jsonl` in the
 *  webserver's folder, one JSON object in each line, so that nothing is dropped unseen. Synchronous, so that both threads may use it: when
 *  `setAside` has returned, the rows are on the disk, and only then the replica may let them go. */
import { closeSync, existsSync, fsyncSync, openSync, readSync, statSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { FrontsyncError } from "../../schemas/errors.ts";
import { clock } from "../platform/clock.ts";
import { isDiskFull, syncFolder } from "../platform/files.ts";
import type { Row } from "./row.ts";

const FILE = "recovery.jsonl";
/** Bytes. Above it rows stay where they are: a file that grows without end would help nobody. */
const MAX_BYTES = 1024 * 1024 * 1024;
const NEWLINE = 0x0a;
const CHUNK_BYTES = 256 * 1024;
/** A document of 8 MiB, each of its bytes escaped, and more. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;
const MAX_COUNTED = 100_000;

/** A row as it was held, and why it was given up. */
export interface SetAside extends Row {
  collection: string;
  reason: string;
  /** When, RFC 3339. */
  at: string;
}

export function recoveryFile(dir: string): string {
  return join(dir, FILE);
}

/** Appends rows durably, or throws DISK_FULL or INTERNAL: then they must stay in the replica. The same row twice is listed once. */
export function setAside(dir: string, reason: string, rows: Iterable<Row & { collection: string }>): void {
  const file = recoveryFile(dir);
  try {
    const made = !existsSync(file);
    const descriptor = openSync(file, "a+", 0o600);
    try {
      const at = new Date(clock.now()).toISOString();
      let size = statSync(file).size;
      // The end of a line that a crash has torn must not become the beginning of this one.
      if (size > 0 && !endsLine(descriptor, size)) size += write(descriptor, Buffer.from("\n"));
      for (const { collection, id, revision, deleted, headers, body } of rows) {
        const record: SetAside = { at, reason, collection, id, revision, deleted, headers, body };
        size += write(descriptor, Buffer.from(`${JSON.stringify(record)}\n`));
        if (size > MAX_BYTES) throw new FrontsyncError("DISK_FULL", `${file} is above ${MAX_BYTES} bytes. Move it elsewhere.`);
      }
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    if (made) syncFolder(dirname(file));
  } catch (cause) {
    if (cause instanceof FrontsyncError) throw cause;
    const what = `${file} can't be written: ${(cause as Error).message}`;
    throw new FrontsyncError(isDiskFull(cause) ? "DISK_FULL" : "INTERNAL", what, { cause });
  }
}

/** What of the file a warning names, without its bodies. */
export interface AsideSummary {
  /** Each row once; above MAX_COUNTED it is that many. */
  count: number;
  /** The first ones. */
  rows: Pick<SetAside, "collection" | "id" | "revision">[];
}

/** Every row that was set aside, in the order of the file; what was written again after a crash comes again. A line that a crash has torn is left out, and
 *  one above 64 MiB. Throws what the file system says, but for a file that is not there. */
export function* readSetAside(dir: string): Generator<SetAside, void> {
  const file = recoveryFile(dir);
  if (!existsSync(file)) return;
  for (const line of linesOf(file)) {
    const record = readRecord(line.toString());
    if (record) yield record;
  }
}

/** How many rows were set aside, and the first `most` of them. */
export function countSetAside(dir: string, most: number): AsideSummary {
  const seen = new Set<string>();
  const rows: AsideSummary["rows"] = [];
  for (const { collection, id, revision } of readSetAside(dir)) {
    const key = `${collection} ${revision} ${id}`;
    if (seen.has(key)) continue;
    seen.add(key);
    if (rows.length < most) rows.push({ collection, id, revision });
    if (seen.size >= MAX_COUNTED) break;
  }
  return { count: seen.size, rows };
}

function* linesOf(file: string): Generator<Buffer, void> {
  const descriptor = openSync(file, "r");
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    let parts: Buffer[] = [];
    let bytes = 0;
    for (let length = readSync(descriptor, chunk); length > 0; length = readSync(descriptor, chunk)) {
      let at = 0;
      for (let end = nextEnd(chunk, at, length); end >= 0; end = nextEnd(chunk, at, length)) {
        if (bytes + end - at <= MAX_LINE_BYTES) yield Buffer.concat([...parts, chunk.subarray(at, end)]);
        [parts, bytes, at] = [[], 0, end + 1];
      }
      bytes += length - at;
      // The rest of a line that is too long is not kept.
      parts = bytes > MAX_LINE_BYTES ? [] : [...parts, Buffer.from(chunk.subarray(at, length))];
    }
    if (bytes > 0 && bytes <= MAX_LINE_BYTES) yield Buffer.concat(parts);
  } finally {
    closeSync(descriptor);
  }
}

function nextEnd(chunk: Buffer, from: number, length: number): number {
  const end = chunk.indexOf(NEWLINE, from);
  return end < length ? end : -1;
}

function readRecord(line: string): SetAside | undefined {
  try {
    return line === "" ? undefined : (JSON.parse(line) as SetAside);
  } catch {
    return undefined;
  }
}

function endsLine(descriptor: number, size: number): boolean {
  const last = new Uint8Array(1);
  readSync(descriptor, last, 0, 1, size - 1);
  return last[0] === NEWLINE;
}

/** Returns how many bytes. */
function write(descriptor: number, bytes: Uint8Array): number {
  for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
  return bytes.length;
}
