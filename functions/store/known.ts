/** The webservers that may come back, kept on disk: where each has been, and when it was last heard. Its tombstones wait for them. Observers
 *  (without an address) are not among them: a command's replica does not come back. */
import { clock } from "../../bus/platform/clock.ts";
import { log } from "../../bus/platform/log.ts";
import { type Connection, headerBlock } from "../../bus/wire/nats.ts";
import { readAll } from "../../bus/wire/reader.ts";
import { API_TIMEOUT_MS, ack, ensureStream, readSubject } from "../../bus/wire/stream.ts";
import type { Schemas } from "../../schemas/index.ts";
import type { CheckInRequest, KnownWebserver } from "../../schemas/types.ts";
import type { Past, TombstoneLimits } from "./collectable.ts";

const STREAM = "frontsync_webservers";
const SUBJECTS = "ds.known";
/** Who collects, and since when. */
const TURN = "ds.collector";
/** Two subjects each. */
const MAX_MESSAGES = 20_000;
/** A webserver is noted down so often, ms, or ten times while one of the limits goes by. */
const NOTE_MS = 60_000;
const NOTES_IN_LIMIT = 10;

export class KnownWebservers {
  readonly #connection: Connection;
  readonly #schemas: Schemas;
  readonly #everyMs: number;
  /** By subject, when this handler has last noted it down, and with which cursor. */
  readonly #noted = new Map<string, { at: number; cursor: number }>();

  constructor(connection: Connection, schemas: Schemas, { awayMs, keepMs }: TombstoneLimits) {
    this.#connection = connection;
    this.#schemas = schemas;
    this.#everyMs = Math.min(NOTE_MS, Math.min(awayMs, keepMs) / NOTES_IN_LIMIT);
  }

  async connected(): Promise<void> {
    try {
      await ensureStream(this.#connection, "The known webservers can't be kept", {
        name: STREAM,
        subjects: [`${SUBJECTS}.>`, TURN],
        storage: "file",
        retention: "limits",
        discard: "old",
        max_msgs_per_subject: 1,
        max_msgs: MAX_MESSAGES,
        num_replicas: 1,
      });
    } catch (error) {
      log.warn({ err: error }, "the known webservers can't be kept: nothing is collected");
    }
  }

  /** A check-in. Where it has been counts only while none of its writes is on the way: what the store knows of such a write may be in a
   *  tombstone. `good`: its position is of this store. */
  tell(webserver: string, { position, pending, externalAddr }: CheckInRequest, good: boolean): void {
    if (externalAddr === undefined) return;
    const counts = good && pending === 0;
    const cursor = position?.cursor ?? 0;
    const subject = `${SUBJECTS}.${webserver}.${counts ? "past" : "seen"}`;
    const [now, noted] = [clock.now(), this.#noted.get(subject)];
    if (noted && now - noted.at < this.#everyMs && noted.cursor <= cursor) return;
    if (this.#noted.size > MAX_MESSAGES) this.#noted.clear();
    this.#noted.set(subject, { at: now, cursor });
    const known: KnownWebserver = { webserver, at: now, ...(counts && { cursor }) };
    this.#connection.publish(subject, JSON.stringify(known));
  }

  /** Whether it is this handler's turn to collect: true for one of all handlers, and again after `everyMs`. */
  async takeTurn(everyMs: number): Promise<boolean> {
    const taken = await readSubject(this.#connection, TURN, STREAM);
    const { at } = taken ? (JSON.parse(Buffer.from(taken.body).toString()) as { at: number }) : { at: 0 };
    const now = clock.now();
    // A clock that was in the future must not keep all others from it.
    if (now >= at && now - at < everyMs) return false;
    const headers = headerBlock(`Nats-Expected-Last-Subject-Sequence: ${taken?.revision ?? 0}\r\n`);
    const body = JSON.stringify({ at: now });
    return typeof ack(await this.#connection.request(TURN, body, { timeoutMs: API_TIMEOUT_MS, headers })) === "object";
  }

  /** All of them, as they were last noted down. */
  async read(): Promise<Past[]> {
    const known = new Map<string, Past>();
    for await (const versions of readAll(this.#connection, { stream: STREAM, subjects: `${SUBJECTS}.>` })) {
      for (const { body } of versions) {
        const { webserver, at, cursor } = this.#schemas.read("known-webserver", body);
        const before = known.get(webserver);
        known.set(webserver, { at: Math.max(at, before?.at ?? 0), cursor: cursor ?? before?.cursor ?? 0 });
      }
    }
    return [...known.values()];
  }
}
