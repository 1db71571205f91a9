/** The store: JetStream's stream API as messages, so that what is sent is what this page says. Only the functions' account may use it. */
import { FrontsyncError } from "../../schemas/errors.ts";
import type { Envelope } from "../../schemas/types.ts";
import { envelopeLines } from "./envelope.ts";
import { type Connection, headerBlock, type Msg } from "./nats.ts";
import { LIVE_ALL, STORE_ALL, STREAM } from "./subjects.ts";
import { StoredVersion } from "./version.ts";

/** JetStream's error codes that mean something to us. */
const NOT_FOUND = 10037;
export const STREAM_MISSING = 10059;
const NAME_IN_USE = 10058;
const WRONG_LAST_SEQUENCE = [10071, 10164];
/** Unfinished batches fill the server, or batches are not possible now. */
const BATCHES_REFUSED = [10176, 10210];
/** What the server or the account may keep is used up, in a file or in memory. */
const NO_ROOM = [10002, 10023, 10028, 10047];
/** A stream's own limit, or the disk, can be told by the words alone: all that its store says has one number. */
const STORE_FAILED = 10077;
const FULL = /insufficient|maximum (bytes|messages)|no space/i;
/** Too much is asked of it, or it has no leader, or is not ready: later it will do. */
const LATER = [429, 503];

export const API_TIMEOUT_MS = 5000;

/** What is to be stored, and the revision that the subject must be at (0: empty). */
export interface StoreWrite {
  subject: string;
  expected: number;
  /** What the expected revision is the last one of, instead of the subject: all subjects that match this (nats-server ≥ 2.12). */
  guard?: string | undefined;
  deleted: boolean;
  envelope: Envelope;
  body: Uint8Array;
  /** Whether older versions of the subject are to be dropped. */
  rollup: boolean;
}

/** A store's refusal of a conditional write. */
export type Refusal = "conflict" | "batches-refused";

export interface ApiError {
  code: number;
  err_code?: number;
  description?: string;
}

interface StreamInfo {
  state: { first_seq: number; last_seq: number; messages: number };
  config: { metadata?: Record<string, string>; allow_atomic?: boolean };
}

export async function api<T>(
  connection: Connection,
  call: string,
  body: object = {},
  timeoutMs = API_TIMEOUT_MS,
): Promise<T | ApiError> {
  const reply = await connection.request(`$JS.API.${call}`, JSON.stringify(body), { timeoutMs });
  const answer = reply.json<T & { error?: ApiError }>();
  return answer.error ?? answer;
}

export function isApiError(answer: object): answer is ApiError {
  return "err_code" in answer;
}

/** DISK_FULL, DATASTORE_UNREACHABLE: it is worth another try later. INTERNAL: perhaps it is not. */
export function failed(what: string, error: ApiError): FrontsyncError {
  return new FrontsyncError(codeOf(error), `${what}: ${error.description} (JetStream ${error.err_code}).`);
}

function codeOf({ code, err_code = 0, description = "" }: ApiError): "DISK_FULL" | "DATASTORE_UNREACHABLE" | "INTERNAL" {
  if (NO_ROOM.includes(err_code) || FULL.test(description)) return "DISK_FULL";
  // What else its store says may be of this one message, for ever.
  return LATER.includes(code) && err_code !== STORE_FAILED ? "DATASTORE_UNREACHABLE" : "INTERNAL";
}

/** The stream's state; undefined: there is no stream. */
export async function streamInfo(connection: Connection): Promise<StreamInfo | undefined> {
  const answer = await api<StreamInfo>(connection, `STREAM.INFO.${STREAM}`);
  if (!isApiError(answer)) return answer;
  if (answer.err_code === STREAM_MISSING) return undefined;
  throw failed("The store's state can't be read", answer);
}

/** Makes a stream. One that has the name, of another process that was faster, or as an operator has changed it, stays as it is. Throws `what`, with
 *  the reason. */
export async function ensureStream(
  connection: Connection,
  what: string,
  config: { name: string } & Record<string, unknown>,
): Promise<void> {
  const answer = await api<object>(connection, `STREAM.CREATE.${config.name}`, config);
  if (isApiError(answer) && answer.err_code !== NAME_IN_USE) throw failed(what, answer);
}

/** Makes the store's stream. `firstSeq`: Unix time in µs, so that a revision never repeats. */
export async function createStream(connection: Connection, firstSeq: number, generation: string): Promise<void> {
  await ensureStream(connection, "The store can't be made", {
    name: STREAM,
    subjects: [STORE_ALL],
    storage: "file",
    retention: "limits",
    discard: "new",
    max_msgs_per_subject: 20,
    num_replicas: 1,
    allow_rollup_hdrs: true,
    allow_direct: true,
    allow_atomic: true,
    deny_delete: true,
    first_seq: firstSeq,
    republish: { src: STORE_ALL, dest: LIVE_ALL },
    metadata: { generation },
  });
}

/** The current version of a subject from the stream's leader: the truth. undefined: never written, or purged. */
export async function readSubject(
  connection: Connection,
  subject: string,
  stream: string = STREAM,
): Promise<StoredVersion | undefined> {
  return await readMessage(connection, { last_by_subj: subject }, stream);
}

/** A version by its revision, as long as the store keeps it. */
export async function readVersion(connection: Connection, revision: number): Promise<StoredVersion | undefined> {
  return await readMessage(connection, { seq: revision });
}

/** The first message of these subjects from a number on, from the stream's leader; undefined: there is none. */
export async function readNext(
  connection: Connection,
  subjects: string,
  from: number,
  stream: string = STREAM,
): Promise<StoredVersion | undefined> {
  return await readMessage(connection, { seq: from, next_by_subj: subjects }, stream);
}

async function readMessage(
  connection: Connection,
  which: { last_by_subj: string } | { seq: number; next_by_subj?: string },
  stream: string = STREAM,
): Promise<StoredVersion | undefined> {
  const answer = await api<{ message: { subject: string; seq: number; hdrs?: string; data?: string } }>(
    connection,
    `STREAM.MSG.GET.${stream}`,
    which,
  );
  if (isApiError(answer)) {
    if (answer.err_code === NOT_FOUND) return undefined;
    throw failed("A version can't be read", answer);
  }
  const { subject, seq, hdrs = "", data = "" } = answer.message;
  return StoredVersion.of(subject, seq, Buffer.from(hdrs, "base64"), Buffer.from(data, "base64"));
}

/** Stores one version if its subject is at the expected revision. Throws TIMEOUT when the outcome is not known. */
export async function storeOne(connection: Connection, write: StoreWrite): Promise<number | Refusal> {
  const reply = await connection.request(write.subject, write.body, {
    timeoutMs: API_TIMEOUT_MS,
    headers: headerBlock(storeLines(write)),
  });
  const answer = ack(reply);
  return typeof answer === "object" ? answer.seq : answer;
}

/** Stores all of them in one atomic batch, at most one for each subject, or none. The revisions are those of the writes, in order. */
export async function storeBatch(
  connection: Connection,
  batch: string,
  writes: readonly StoreWrite[],
): Promise<number[] | Refusal> {
  const headersOf = (write: StoreWrite, index: number, commit: string) =>
    headerBlock(`${storeLines(write)}Nats-Batch-Id: ${batch}\r\nNats-Batch-Sequence: ${index + 1}\r\n${commit}`);
  const last = writes.at(-1);
  if (!last) return [];
  for (const [index, write] of writes.slice(0, -1).entries()) {
    connection.publish(write.subject, write.body, { headers: headersOf(write, index, "") });
  }
  const headers = headersOf(last, writes.length - 1, "Nats-Batch-Commit: 1\r\n");
  const answer = ack(await connection.request(last.subject, last.body, { timeoutMs: API_TIMEOUT_MS, headers }));
  if (typeof answer !== "object") return answer;
  return writes.map((_write, index) => answer.seq - writes.length + 1 + index);
}

/** Appends to a subject if the whole stream still ends at `head`: the new message's number is then head + 1. */
export async function storeAtHead(
  connection: Connection,
  subject: string,
  body: string,
  head: number,
): Promise<number | Refusal> {
  const headers = headerBlock(`Nats-Expected-Last-Sequence: ${head}\r\nNats-Rollup: sub\r\n`);
  const answer = ack(await connection.request(subject, body, { timeoutMs: API_TIMEOUT_MS, headers }));
  return typeof answer === "object" ? answer.seq : answer;
}

/** Stores one of the store's own documents, which have no envelope, if its subject is at the expected revision (0: empty). Only the last
 *  version is kept. */
export async function storeOwn(
  connection: Connection,
  subject: string,
  body: string,
  expected: number,
): Promise<number | Refusal> {
  const headers = headerBlock(`Nats-Expected-Last-Subject-Sequence: ${expected}\r\nNats-Rollup: sub\r\n`);
  const answer = ack(await connection.request(subject, body, { timeoutMs: API_TIMEOUT_MS, headers }));
  return typeof answer === "object" ? answer.seq : answer;
}

/** Takes the messages of `subjects` up to a revision away, without a trace; later ones stay. */
export async function purgeUpTo(connection: Connection, subjects: string, revision: number): Promise<void> {
  const answer = await api<object>(connection, `STREAM.PURGE.${STREAM}`, { filter: subjects, seq: revision + 1 });
  if (isApiError(answer)) throw failed(`What is at ${subjects} can't be taken away`, answer);
}

function storeLines({ expected, guard, deleted, envelope, rollup }: StoreWrite): string {
  const rolling = rollup ? "Nats-Rollup: sub\r\n" : "";
  const of = guard === undefined ? "" : `Nats-Expected-Last-Subject-Sequence-Subject: ${guard}\r\n`;
  return `${envelopeLines(envelope, deleted)}Nats-Expected-Last-Subject-Sequence: ${expected}\r\n${of}${rolling}`;
}

/** What the stream says to a message. Throws DISK_FULL, DATASTORE_UNREACHABLE, INTERNAL. */
export function ack(reply: Msg): { seq: number } | Refusal {
  const answer = reply.json<{ seq: number; error?: ApiError }>();
  if (!answer.error) return answer;
  const code = answer.error.err_code ?? 0;
  if (WRONG_LAST_SEQUENCE.includes(code)) return "conflict";
  if (BATCHES_REFUSED.includes(code)) return "batches-refused";
  throw failed("A version could not be stored", answer.error);
}
