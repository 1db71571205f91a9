/** Reads a stream from somewhere on, in order, through a short-lived pull consumer: the one way that every nats-server since 2.9 has. */
import { FrontsyncError } from "../../schemas/errors.ts";
import { headerValue } from "./envelope.ts";
import { type Connection, type Msg, rawMessage } from "./nats.ts";
import { API_TIMEOUT_MS, api, failed, isApiError, readSubject } from "./stream.ts";
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
  /** Messages that nobody has read yet, as the server that serves this reader knows. */
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
      const messages = await pull(connection, `$JS.API.CONSUMER.MSG.NEXT.${stream}.${created.name}`, wanted, maxBytes);
      const last = messages.at(-1);
      pending = last === undefined ? 0 : Number(last.reply?.split(".").at(-1));
      return messages.map(storedMessage);
    },
    close() {
      // Nobody waits for the answer: a consumer that is not used goes away by itself.
      if (connection.connected) connection.publish(`$JS.API.CONSUMER.DELETE.${stream}.${created.name}`, "");
    },
  };
}

/** All messages, a page at a time. What is replaced while it reads comes in its later version. A server does not count as pending, for a moment, what
 *  has just taken another's place: so the end is where the leader says that it is, and the reading goes after it, a limited number of times, because
 *  others go on writing. Missing is then only what was replaced each time just before it was read. */
export async function* readAll(connection: Connection, options: ReadOptions): AsyncGenerator<StoredVersion[], void> {
  const reader = await openReader(connection, options);
  let read = (options.from ?? 1) - 1;
  try {
    for (let ends = 0; ends < MOST_ENDS; ) {
      const versions = ends === 0 && reader.pending === 0 ? [] : await reader.next(PAGE.messages, PAGE.bytes);
      read = versions.at(-1)?.revision ?? read;
      if (versions.length > 0) yield versions;
      if (reader.pending > 0) continue;
      const end = await readSubject(connection, options.subjects, options.stream);
      if (!end || end.revision <= read) return;
      ends++;
    }
  } finally {
    reader.close();
  }
}

/** The last versions of single subjects (at most 1000), of those that have one. Needs nats-server 2.11. */
export async function readLast(connection: Connection, subjects: readonly string[]): Promise<StoredVersion[]> {
  const ask = (inbox: string) =>
    connection.publish(`$JS.API.DIRECT.GET.${STREAM}`, JSON.stringify({ multi_last: subjects, batch: subjects.length }), {
      reply: inbox,
    });
  const messages = await collect(connection, subjects.length + 1, ask);
  return messages.map((message) => {
    const { bytes, headersEnd } = rawMessage(message);
    const text = bytes.toString("latin1", 0, headersEnd);
    const subject = headerValue(text, "Nats-Subject") ?? "";
    return new StoredVersion(subject, Number(headerValue(text, "Nats-Sequence")), bytes, headersEnd);
  });
}

function pull(connection: Connection, subject: string, limit: number, maxBytes: number): Promise<Msg[]> {
  return collect(connection, limit, (inbox) =>
    connection.publish(subject, JSON.stringify({ batch: limit, max_bytes: maxBytes, no_wait: true }), { reply: inbox }),
  );
}

/** Asks for messages and waits for them: until `limit` of them are here, or a status message says that no more will come. */
export function collect(connection: Connection, limit: number, ask: (inbox: string) => void): Promise<Msg[]> {
  const messages: Msg[] = [];
  const inbox = connection.createInbox();
  return new Promise((resolve, reject) => {
    const end = (error?: unknown) => {
      clearTimeout(timer);
      subscription.unsubscribe();
      if (error === undefined) resolve(messages);
      else reject(error);
    };
    const timer = setTimeout(
      () => end(new FrontsyncError("TIMEOUT", "The store did not deliver what was asked for.")),
      API_TIMEOUT_MS,
    );
    const subscription = connection.subscribe(inbox, (message) => {
      const code = message.subject === inbox ? (message.headers?.code ?? 0) : 0;
      // 204: that was all; 404: no messages; 408: the request is over; 409: the next message would be over the limit of bytes.
      if ([204, 404, 408, 409].includes(code)) return end();
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

/** A consumer's message: its number is in its reply subject `$JS.ACK.<stream>.<consumer>.<tries>.<number>.….<pending>`; on a server that
 *  knows accounts and domains there are more tokens before these. */
function storedMessage(message: Msg): StoredVersion {
  const tokens = message.reply?.split(".") ?? [];
  const { bytes, headersEnd } = rawMessage(message);
  return new StoredVersion(message.subject, Number(tokens.at(tokens.length > 9 ? 7 : 5)), bytes, headersEnd);
}
