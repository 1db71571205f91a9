/** The audit: who changed what, and when, of every document, kept by age in a stream of its own. Each handler writes down what it has
 *  committed, without the bodies: those are in the store, as long as it keeps the version. Webservers can't reach it. */
import { clock } from "../../bus/platform/clock.ts";
import { atMost, pause } from "../../bus/platform/deadline.ts";
import { log } from "../../bus/platform/log.ts";
import { headerValue } from "../../bus/wire/envelope.ts";
import { type Connection, headerBlock } from "../../bus/wire/nats.ts";
import { API_TIMEOUT_MS, type ApiError, ensureStream, failed, readSubject } from "../../bus/wire/stream.ts";
import { idOf, parseStoreSubject } from "../../bus/wire/subjects.ts";
import type { Committed } from "./follower.ts";

const STREAM = "frontsync_audit";
const SUBJECT = "ds.audit.commits";
/** 90 days, in JetStream's unit. What an operator changes of the stream stays as it is. */
const MAX_AGE_NS = 90 * 24 * 3600e9;

/** One message has so many records, or those of so many ms; below the smallest `max_payload` that is usual (1 MB), whatever the ids. */
const MAX_RECORDS = 400;
const MAX_CHARACTERS = 256 * 1024;
const DELAY_MS = 100;
/** Records that wait while the stream can't be written; what comes then is counted, and the count becomes a record. */
const MAX_WAITING_CHARACTERS = 16 * 1024 * 1024;
const RETRY_MS = { first: 100, most: 5000 };
const DRAIN_MS = 2000;

export class Audit {
  readonly #connection: Connection;
  /** Unlike every other writer's, and so are the subject and the ids of its messages: with them one that is sent again is known. */
  readonly #writer: string;
  readonly #stop = new AbortController();
  #lines: string[] = [];
  #characters = 0;
  #lost = 0;
  #messages = 0;
  #streamIsThere = false;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;

  constructor(connection: Connection, writer: string) {
    this.#connection = connection;
    this.#writer = writer;
  }

  /** A new connection, perhaps to a server without the stream. */
  async connected(): Promise<void> {
    this.#streamIsThere = false;
    await this.#makeStream().catch((error: unknown) => log.warn({ err: error }, "the audit's stream can't be made yet"));
  }

  /** Writes down a commit, soon: the commit does not wait for it. */
  note(version: Committed): void {
    const line = record(version);
    if (this.#characters + line.length > MAX_WAITING_CHARACTERS) {
      this.#lost++;
      return;
    }
    this.#add(line);
    if (this.#lines.length >= MAX_RECORDS) void this.#send();
    else this.#timer ??= setTimeout(() => void this.#send(), DELAY_MS);
  }

  /** Sends what waits, for 2 s at most. Nothing may be noted any more. */
  async drain(): Promise<void> {
    const end = setTimeout(() => this.#stop.abort(), DRAIN_MS);
    while (this.#lines.length > 0 && !this.#stop.signal.aborted) await atMost(DRAIN_MS, this.#send());
    clearTimeout(end);
    this.#stop.abort();
    clearTimeout(this.#timer);
    if (this.#lines.length > 0) log.warn({ records: this.#lines.length }, "the last records of the audit could not be written");
  }

  #add(line: string): void {
    this.#lines.push(line);
    this.#characters += line.length;
  }

  /** One message at a time: one after the other as long as there are full ones. */
  #send(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
      if (this.#lines.length > 0 && !this.#stop.signal.aborted) this.#timer ??= setTimeout(() => void this.#send(), DELAY_MS);
    });
    return this.#sending;
  }

  async #sendAll(): Promise<void> {
    do {
      const lines = this.#next();
      if (lines.length === 0 || !(await this.#store(lines.join("\n"), `${this.#writer}.${this.#messages++}`))) return;
      this.#lines = this.#lines.slice(lines.length);
      this.#characters -= lines.reduce((sum, line) => sum + line.length, 0);
      if (this.#lost > 0) this.#add(JSON.stringify({ lost: this.#lost, at: new Date(clock.now()).toISOString() }));
      this.#lost = 0;
    } while (this.#lines.length >= MAX_RECORDS);
  }

  #next(): string[] {
    let [count, characters] = [0, 0];
    for (const { length } of this.#lines) {
      if (count >= MAX_RECORDS || characters + length > MAX_CHARACTERS) break;
      count++;
      characters += length;
    }
    return this.#lines.slice(0, count);
  }

  /** Again and again until it is stored. The server drops what it has already, for two minutes; longer than that the last message of this writer
   *  tells. False: there is no more time. */
  async #store(body: string, messageId: string): Promise<boolean> {
    const headers = headerBlock(`Nats-Msg-Id: ${messageId}\r\n`);
    for (let wait = RETRY_MS.first; !this.#stop.signal.aborted; wait = Math.min(wait * 2, RETRY_MS.most)) {
      try {
        if (!this.#streamIsThere) await this.#makeStream();
        if (wait > RETRY_MS.first && (await this.#isLast(messageId))) return true;
        const reply = await this.#connection.request(this.#subject, body, { timeoutMs: API_TIMEOUT_MS, headers });
        const { error } = reply.json<{ error?: ApiError }>();
        if (!error) return true;
        throw failed("The audit can't be written", error);
      } catch (error) {
        if (wait === RETRY_MS.first) log.warn({ reason: (error as Error).message }, "the audit waits");
        this.#streamIsThere = false;
        await pause(wait, this.#stop.signal);
      }
    }
    return false;
  }

  get #subject(): string {
    return `${SUBJECT}.${this.#writer}`;
  }

  async #isLast(messageId: string): Promise<boolean> {
    const last = await readSubject(this.#connection, this.#subject, STREAM);
    return last !== undefined && headerValue(last.headerText, "Nats-Msg-Id") === messageId;
  }

  async #makeStream(): Promise<void> {
    await ensureStream(this.#connection, "The audit can't be kept", {
      name: STREAM,
      subjects: ["ds.audit.>"],
      storage: "file",
      compression: "s2",
      retention: "limits",
      discard: "old",
      max_age: MAX_AGE_NS,
      num_replicas: 1,
      allow_direct: true,
    });
    this.#streamIsThere = true;
  }
}

/** One line of JSON. */
function record({ subject, revision, deleted, envelope }: Committed): string {
  const { collection, token } = parseStoreSubject(subject);
  const { by, webserver, version, at } = envelope;
  const id = idOf(token, envelope.id);
  return JSON.stringify({ collection, id, revision, op: deleted ? "delete" : "put", by, webserver, version, at });
}
