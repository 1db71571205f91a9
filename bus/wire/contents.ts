/** The contents of resources as they are stored: the bucket `resources` of NATS' object store, in its own layout, so that `nats object` reads
 *  it. A content's name is its SHA-256. Its chunks have a subject for each of its lives (a content that was collected may come back), and
 *  the record that makes it visible is written last. Only the functions' account may use this. */
import { FrontsyncError } from "../../schemas/errors.ts";
import { headerValue } from "./envelope.ts";
import { type Connection, headerBlock, type Msg, rawHeaders } from "./nats.ts";
import { collect } from "./reader.ts";
import { API_TIMEOUT_MS, ack, api, ensureStream, failed, isApiError, readNext, readSubject, STREAM_MISSING } from "./stream.ts";
import { headerText } from "./version.ts";

export const CONTENTS_STREAM = "OBJ_resources";
const BUCKET = "resources";
/** Of every chunk but a content's last one. */
export const CHUNK_BYTES = 256 * 1024;
/** Chunks in one message between a webserver and a function: one commit of the store, one fsync. */
export const CHUNKS_AT_ONCE = 4;
/** Beside the chunks in a message: its head. */
export const HEAD_BYTES = 16 * 1024;
/** A chunk's number among those of its content. */
const CHUNK_HEADER = "Fs-Chunk";
const DIGEST = "SHA-256=";

/** What says that a content is there, or (`deleted`) was: as the object store has it. */
export interface ContentRecord {
  name: string;
  description: string;
  options: { max_chunk_size: number };
  bucket: string;
  nuid: string;
  size: number;
  chunks: number;
  /** RFC 3339: when it was last written. A commit of a document renews it. */
  mtime: string;
  digest: string;
  deleted: boolean;
  /** `unused`: since when no document refers to it, as far as the collector has seen, RFC 3339. */
  metadata?: { unused?: string };
}

export type StoredRecord = ContentRecord & { sequence: number };

export interface Chunk {
  number: number;
  sequence: number;
  /** When it was stored, RFC 3339. */
  at: string;
  bytes: Uint8Array;
}

/** The subject of the chunks of one life: `marker` is the sequence of the record that says that the one before is gone; 0: there was none. */
export function lifeOf(sha256: string, marker: number): string {
  return marker === 0 ? sha256 : `${sha256}-${marker}`;
}

export function chunkCount(size: number): number {
  return Math.ceil(size / CHUNK_BYTES);
}

/** What a content's record says; `deleted`: that it is gone. */
export function contentRecord(sha256: string, life: string, size: number, mtime: string, deleted = false): ContentRecord {
  return {
    name: sha256,
    description: "",
    options: { max_chunk_size: CHUNK_BYTES },
    bucket: BUCKET,
    nuid: life,
    size: deleted ? 0 : size,
    chunks: deleted ? 0 : chunkCount(size),
    mtime,
    digest: deleted ? "" : DIGEST + base64url(Buffer.from(sha256, "hex")),
    deleted,
  };
}

export async function createContents(connection: Connection): Promise<void> {
  await ensureStream(connection, "The store of contents can't be made", {
    name: CONTENTS_STREAM,
    subjects: [chunkSubject(">"), `$O.${BUCKET}.M.>`],
    storage: "file",
    retention: "limits",
    discard: "new",
    num_replicas: 1,
    allow_rollup_hdrs: true,
    allow_direct: true,
    allow_atomic: true,
  });
}

/** From the stream's leader: the truth. */
export async function readRecord(connection: Connection, sha256: string): Promise<StoredRecord | undefined> {
  const stored = await readSubject(connection, recordSubject(sha256), CONTENTS_STREAM);
  return stored && { ...(JSON.parse(Buffer.from(stored.body).toString()) as ContentRecord), sequence: stored.revision };
}

/** Writes a record if the last one is at `expected` (0: there is none). */
export async function writeRecord(connection: Connection, record: ContentRecord, expected: number): Promise<number | "conflict"> {
  const lines = `Nats-Rollup: sub\r\nNats-Expected-Last-Subject-Sequence: ${expected}\r\n`;
  const answer = await store(connection, recordSubject(record.name), Buffer.from(JSON.stringify(record)), lines);
  return answer === "batches-refused" ? "conflict" : answer;
}

/** Appends chunks to a life whose last chunk has the sequence `after` (0: none): all of them or none. Returns the sequence of the last one. */
export async function appendChunks(
  connection: Connection,
  batch: string,
  { life, from, after, bytes }: { life: string; from: number; after: number; bytes: Uint8Array },
): Promise<number | "conflict"> {
  const subject = chunkSubject(life);
  const count = chunkCount(bytes.length);
  const chunk = (index: number) => bytes.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);
  const lines = (index: number) => `${CHUNK_HEADER}: ${from + index}\r\n`;
  const expecting = (sequence: number) => `Nats-Expected-Last-Subject-Sequence: ${sequence}\r\n`;
  if (count > 1) {
    const batched = (index: number) => `Nats-Batch-Id: ${batch}\r\nNats-Batch-Sequence: ${index + 1}\r\n${lines(index)}`;
    for (let index = 0; index < count - 1; index++) {
      // The first one's expectation holds for all: nothing comes between the messages of a batch.
      const headers = headerBlock(batched(index) + (index === 0 ? expecting(after) : ""));
      connection.publish(subject, chunk(index), { headers });
    }
    const answer = await store(connection, subject, chunk(count - 1), `${batched(count - 1)}Nats-Batch-Commit: 1\r\n`);
    if (answer !== "batches-refused") return answer;
  }
  let last = after;
  for (let index = 0; index < count; index++) {
    const answer = await store(connection, subject, chunk(index), lines(index) + expecting(last));
    if (typeof answer !== "number") return "conflict";
    last = answer;
  }
  return last;
}

/** The last chunk of a life; undefined: it has none. */
export async function lastChunk(connection: Connection, life: string): Promise<Chunk | undefined> {
  return await directGet(connection, { last_by_subj: chunkSubject(life) });
}

/** The first chunk of a life behind a sequence (0: of all), from the stream's leader: the truth. undefined: there is none. */
export async function chunkBehind(
  connection: Connection,
  life: string,
  sequence: number,
): Promise<Omit<Chunk, "at"> | undefined> {
  const stored = await readNext(connection, chunkSubject(life), sequence + 1, CONTENTS_STREAM);
  return stored && { number: numberOf(stored.headerText), sequence: stored.revision, bytes: stored.body };
}

/** Chunks of a life in order, from any replica, which may be behind: what is missing need not be missing. From chunk number `from` on, at most `limit`; fewer when there are no more. `known`: where an earlier one is. */
export async function readChunks(
  connection: Connection,
  life: string,
  from: number,
  limit: number,
  known?: { chunk: number; sequence: number },
): Promise<Chunk[]> {
  const subject = chunkSubject(life);
  let near = known && known.chunk <= from ? known : undefined;
  for (;;) {
    // The chunk is here at the earliest: each of those between takes one sequence at least. So no step goes past it.
    const sequence = near ? near.sequence + (from - near.chunk) : 1;
    if (from === 0 || near) {
      const chunks = await directBatch(connection, { seq: sequence, next_by_subj: subject, batch: limit });
      const [first] = chunks;
      if (!first || first.number === from) return chunks;
      // A life that was renumbered, or a hint of another one.
      if (first.number > from) return known ? await readChunks(connection, life, from, limit) : [];
      near = { chunk: first.number, sequence: first.sequence };
    } else {
      const first = await directGet(connection, { seq: 1, next_by_subj: subject });
      if (first?.number !== 0) return [];
      near = { chunk: 0, sequence: first.sequence };
    }
  }
}

/** Every content that has a record, and every life that has chunks. */
export async function listContents(connection: Connection): Promise<{ names: string[]; lives: string[] }> {
  const subjects: string[] = [];
  for (;;) {
    const answer = await api<{ total: number; state: { subjects?: Record<string, number> } }>(
      connection,
      `STREAM.INFO.${CONTENTS_STREAM}`,
      { subjects_filter: `$O.${BUCKET}.>`, offset: subjects.length },
    );
    // Nobody has uploaded anything yet.
    if (isApiError(answer) && answer.err_code === STREAM_MISSING) break;
    if (isApiError(answer)) throw failed("The contents can't be listed", answer);
    const page = Object.keys(answer.state.subjects ?? {});
    subjects.push(...page);
    if (page.length === 0 || subjects.length >= (answer.total ?? 0)) break;
  }
  const [chunks, records] = [chunkSubject(""), `$O.${BUCKET}.M.`];
  const after = (prefix: string) =>
    subjects.filter((subject) => subject.startsWith(prefix)).map((subject) => subject.slice(prefix.length));
  return { names: after(records).map((name) => Buffer.from(name, "base64url").toString()), lives: after(chunks) };
}

/** Takes every chunk of a life away. */
export async function purgeLife(connection: Connection, life: string): Promise<void> {
  const answer = await api<object>(connection, `STREAM.PURGE.${CONTENTS_STREAM}`, { filter: chunkSubject(life) });
  if (isApiError(answer)) throw failed("Chunks can't be taken away", answer);
}

function chunkSubject(life: string): string {
  return `$O.${BUCKET}.C.${life}`;
}

function recordSubject(sha256: string): string {
  return `$O.${BUCKET}.M.${base64url(Buffer.from(sha256))}`;
}

/** With padding, as the object store's clients write it. */
function base64url(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

async function store(connection: Connection, subject: string, body: Uint8Array, lines: string) {
  const answer = ack(await connection.request(subject, body, { timeoutMs: API_TIMEOUT_MS, headers: headerBlock(lines) }));
  return typeof answer === "object" ? answer.seq : answer;
}

async function directGet(connection: Connection, which: object): Promise<Chunk | undefined> {
  const subject = `$JS.API.DIRECT.GET.${CONTENTS_STREAM}`;
  const message = await connection.request(subject, JSON.stringify(which), { timeoutMs: API_TIMEOUT_MS });
  const code = message.headers?.code ?? 0;
  if (code === 404) return undefined;
  if (code >= 300) throw new FrontsyncError("INTERNAL", `A chunk can't be read: ${code} ${message.headers?.description}.`);
  return asChunk(message);
}

async function directBatch(
  connection: Connection,
  which: { batch: number; seq: number; next_by_subj: string },
): Promise<Chunk[]> {
  const subject = `$JS.API.DIRECT.GET.${CONTENTS_STREAM}`;
  // One more than there can be: the message that says that this was all.
  const { messages } = await collect(connection, which.batch + 1, (inbox) =>
    connection.publish(subject, JSON.stringify(which), { reply: inbox }),
  );
  return messages.map(asChunk);
}

function asChunk(message: Msg): Chunk {
  const headers = headerText(rawHeaders(message));
  return {
    number: numberOf(headers),
    sequence: Number(headerValue(headers, "Nats-Sequence")),
    at: headerValue(headers, "Nats-Time-Stamp") ?? "",
    bytes: message.data,
  };
}

function numberOf(headers: string): number {
  return Number(headerValue(headers, CHUNK_HEADER) ?? Number.NaN);
}
