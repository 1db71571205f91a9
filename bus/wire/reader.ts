/** Reads a stream from somewhere on, in order, through a short-lived pull consumer: the one way that every nats-server since 2.9 has. */
import { FrontsyncError } from "../../schemas/errors.ts";
import { headerValue } from "./envelope.ts";
import { type Connection, type Msg, rawMessage } from "./nats.ts";
import { API_TIMEOUT_MS, api, failed, isApiError, readNext, readSubject } from "./stream.ts";
import { STREAM } from "./subjects.ts";
import { StoredVersion } from "./version.ts";

export interface ReadOptions {
  stream: string;
  subjects: string;
  /** The first message; undefined: the last one of each subject. */
  from?: number;
  headersOnly?: boolean;
}

export interface Reader {
  /** Messages that nobody has read yet, as the server that serves this reader knows. 0 also when some may have been left out: see `readAll`. */
  readonly pending: number;
  /** The next messages, none when there are none now: at most `limit`, and about `maxBytes` (which must be above the largest message). */
  next(limit: number, maxBytes: number): Promise<StoredVersion[]>;
  close(): void;
}

/** Of a reading of everything. */
const PAGE = { messages: 2000, bytes: 5 * 1024 * 1024 };
const MOST_ENDS = 20;
/** Nanoseconds: JetStream's unit. */
const INACTIVE_NS = 30e9;
/** A server's word that the next message is over the limit of bytes. */
const TOO_LARGE = 409;
/** 204: that was all; 404: no messages; 408: the request is over. */
const THAT_WAS_ALL = [204, 404, 408, TOO_LARGE];
const NONE_OF_THEM = "No Results";

export async function openReader(connection: Connection, options: ReadOptions): Promise<Reader> {
  const { stream } = options;
  const created = await api<{ name: string; num_pending: number }>(connection, `CONSUMER.CREATE.${stream}`, {
    stream_name: stream,
    config: {
      ...(options.from === undefined
        ? { deliver_policy: "last_per_subject" }
        : { deliver_policy: "by_start_sequence", opt_start_seq: options.from }),
      filter_subject: options.subjects,
      ack_policy: "none",
      replay_policy: "instant",
      mem_storage: true,
      inactive_threshold: INACTIVE_NS,
      headers_only: options.headersOnly === true,
    },
  });
  if (isApiError(created)) throw failed(`${stream} can't be read`, created);
  let pending = created.num_pending;
  return {
    get pending() {
      return pending;
    },
    async next(limit, maxBytes) {
      const wanted = Math.max(1, Math.min(limit, pending));
      const next = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${created.name}`;
      const { messages, status } = await pull(connection, next, wanted, maxBytes);
      const last = messages.at(-1);
      // A list of last versions goes on behind the one that had no room: it never comes.
      const leftOut = options.from === undefined && status?.headers?.code === TOO_LARGE;
      pending = last === undefined || leftOut ? 0 : Number(last.reply?.split(".").at(-1));
      return messages.map(storedMessage);
    },
    close() {
      // Nobody waits for the answer: a consumer that is not used goes away by itself.
      if (connection.connected) connection.publish(`$JS.API.CONSUMER.DELETE.${stream}.${created.name}`, "");
    },
  };
}

/** What is to be read of a stream at once. */
export interface PageOptions extends ReadOptions {
  from: number;
  /** Messages. */
  limit: number;
  /** About; it must be above the largest message. */
  maxBytes: number;
  /** About, where less than that is wanted; a message that is larger comes alone. */
  wantedBytes?: number | undefined;
  /** The page is the last one when all up to here has been read. */
  until: number;
}

/** The next messages, in order. `done`: there is nothing more up to `until`, by the leader's word: what a consumer counts as pending may be too
 *  little while others take messages away. Throws DATASTORE_UNREACHABLE: the server that was read from is behind the leader. */
export async function readPage(
  connection: Connection,
  { limit, maxBytes, wantedBytes = maxBytes, until, ...options }: PageOptions,
): Promise<{ versions: StoredVersion[]; done: boolean }> {
  const { from, subjects, stream } = options;
  const reader = await openReader(connection, options);
  try {
    let read = await reader.next(limit, Math.min(wantedBytes, maxBytes));
    if (read.length === 0 && wantedBytes < maxBytes) read = await reader.next(1, maxBytes);
    // A server before 2.11 gives the last message when there is none from `from` on.
    const versions = read.filter(({ revision }) => revision >= from);
    if (reader.pending > 0) return { versions, done: false };
    const last = versions.at(-1)?.revision ?? from - 1;
    const missing = last < until && (await readNext(connection, subjects, last + 1, stream));
    if (!missing || missing.revision > until) return { versions, done: true };
    if (versions.length > 0) return { versions, done: false };
    throw new FrontsyncError(
      "DATASTORE_UNREACHABLE",
      `The store could be read up to ${last} only, and ends at ${until}. Try again.`,
    );
  } finally {
    reader.close();
  }
}

/** All messages, a page at a time. What is replaced while it reads comes in its later version, perhaps after an earlier one.
 *
 *  The end is where the leader says that it is, and whatever made a reader stop before it, the reading goes on by numbers: in these a server leaves
 *  nothing out. Of a list of last versions it does (nats-server 2.15): the message that had no room under a limit of bytes, and it stops at each
 *  one that was taken away meanwhile. It goes on a limited number of times, because others go on writing: missing is then only what was replaced
 *  each time just before it was read. */
export async function* readAll(connection: Connection, options: ReadOptions): AsyncGenerator<StoredVersion[], void> {
  let reader = await openReader(connection, options);
  let read = (options.from ?? 1) - 1;
  try {
    for (let ends = 0; ends < MOST_ENDS; ) {
      const versions = reader.pending > 0 ? await reader.next(PAGE.messages, PAGE.bytes) : [];
      read = versions.at(-1)?.revision ?? read;
      if (versions.length > 0) yield versions;
      if (reader.pending > 0) continue;
      const end = await readSubject(connection, options.subjects, options.stream);
      if (!end || end.revision <= read) return;
      ends++;
      reader.close();
      reader = await openReader(connection, { ...options, from: read + 1 });
    }
  } finally {
    reader.close();
  }
}

/** What `pick` takes of the last version of each subject; nothing of those for which that is undefined. */
export async function readLatest<T>(
  connection: Connection,
  options: Omit<ReadOptions, "from">,
  pick: (version: StoredVersion) => T | undefined,
): Promise<Map<string, T>> {
  const picked = new Map<string, T>();
  for await (const versions of readAll(connection, options)) {
    for (const version of versions) {
      const value = pick(version);
      if (value === undefined) picked.delete(version.subject);
      else picked.set(version.subject, value);
    }
  }
  return picked;
}

/** The last versions of single subjects (at most 1000), of those that have one. One that changes meanwhile may come twice, its later version last.
 *  Needs nats-server 2.11. */
export async function readLast(connection: Connection, subjects: readonly string[]): Promise<StoredVersion[]> {
  const versions: StoredVersion[] = [];
  for (let pending = subjects.length, from = 1; pending > 0; ) {
    const wanted = { multi_last: subjects, seq: from, batch: subjects.length, max_bytes: PAGE.bytes };
    const { messages, status } = await collect(connection, subjects.length + 1, (inbox) =>
      connection.publish(`$JS.API.DIRECT.GET.${STREAM}`, JSON.stringify(wanted), { reply: inbox }),
    );
    versions.push(...messages.map(directMessage));
    pending = Number(status?.headers?.get("Nats-Num-Pending") || 0);
    const last = versions.at(-1)?.revision ?? 0;
    // Where one of them can't be read the server's answer just ends.
    const broken = status?.headers?.code === 404 && status.headers.description !== NONE_OF_THEM;
    if (broken || (pending > 0 && last < from))
      throw new FrontsyncError("TIMEOUT", "The store did not deliver what was asked for.");
    from = last + 1;
  }
  return versions;
}

function pull(connection: Connection, subject: string, limit: number, maxBytes: number): Promise<Collected> {
  return collect(connection, limit, (inbox) =>
    connection.publish(subject, JSON.stringify({ batch: limit, max_bytes: maxBytes, no_wait: true }), { reply: inbox }),
  );
}

/** `status`: what the server ended its answer with; undefined: all that was wanted had come before that. */
export interface Collected {
  messages: Msg[];
  status: Msg | undefined;
}

/** Asks for messages and waits for them: until `limit` of them are here, or a status message says that no more will come. */
export function collect(connection: Connection, limit: number, ask: (inbox: string) => void): Promise<Collected> {
  const messages: Msg[] = [];
  const inbox = connection.createInbox();
  return new Promise((resolve, reject) => {
    const end = (error?: unknown, status?: Msg) => {
      clearTimeout(timer);
      subscription.unsubscribe();
      if (error === undefined) resolve({ messages, status });
      else reject(error);
    };
    const timer = setTimeout(
      () => end(new FrontsyncError("TIMEOUT", "The store did not deliver what was asked for.")),
      API_TIMEOUT_MS,
    );
    const subscription = connection.subscribe(inbox, (message) => {
      const code = message.subject === inbox ? (message.headers?.code ?? 0) : 0;
      if (THAT_WAS_ALL.includes(code)) return end(undefined, message);
      if (code >= 300)
        return end(new FrontsyncError("INTERNAL", `The store refused to be read: ${code} ${message.headers?.description}.`));
      messages.push(message);
      if (messages.length >= limit) end();
    });
    try {
      ask(inbox);
    } catch (error) {
      end(error);
    }
  });
}

/** A message that was asked for directly: its subject and its number are in its headers. */
function directMessage(message: Msg): StoredVersion {
  const { bytes, headersEnd } = rawMessage(message);
  const text = bytes.toString("latin1", 0, headersEnd);
  const subject = headerValue(text, "Nats-Subject") ?? "";
  return new StoredVersion(subject, Number(headerValue(text, "Nats-Sequence")), bytes, headersEnd);
}

/** A consumer's message: its number is in its reply subject `$JS.ACK.<stream>.<consumer>.<tries>.<number>.….<pending>`; on a server that
 *  knows accounts and domains there are more tokens before these. */
function storedMessage(message: Msg): StoredVersion {
  const tokens = message.reply?.split(".") ?? [];
  const { bytes, headersEnd } = rawMessage(message);
  return new StoredVersion(message.subject, Number(tokens.at(tokens.length > 9 ? 7 : 5)), bytes, headersEnd);
}
