/** A store that is filled from its webservers: the record says for whom, and until when; meanwhile nothing else is written. All handlers follow
 *  it, and change it under its revision. */
import { clock } from "../../bus/platform/clock.ts";
import { DONE } from "../../bus/platform/deadline.ts";
import { log } from "../../bus/platform/log.ts";
import { randomId } from "../../bus/platform/random.ts";
import { isSigned } from "../../bus/wire/envelope.ts";
import type { Connection } from "../../bus/wire/nats.ts";
import { openReader } from "../../bus/wire/reader.ts";
import { streamInfo } from "../../bus/wire/stream.ts";
import { META, parseStoreSubject, STORE_ALL, STREAM } from "../../bus/wire/subjects.ts";
import type { StoredVersion } from "../../bus/wire/version.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { CollectionSchema, Schemas } from "../../schemas/index.ts";
import type { Seeding as SeedingRecord, Warning } from "../../schemas/types.ts";
import { OwnDocument } from "../store/own-document.ts";
import { opened, takesOffers, waitingFor } from "./record.ts";

/** A store with more messages is not empty. */
const MAX_LOOK = 100;
const LOOK_BYTES = 5 * 1024 * 1024;
const MAX_NAMED = 5;
/** Of a change, against others who change it, too. */
const TRIES = 50;

export class Seeding {
  readonly #connection: Connection;
  readonly #signingKey: Uint8Array;
  /** For so long after a seeding began who is late is heard. */
  readonly lateMs: number;
  readonly #document: OwnDocument<"seeding">;

  /** `signingKey`: of the functions. */
  constructor(connection: Connection, schemas: Schemas, signingKey: Uint8Array, lateMs: number) {
    this.lateMs = lateMs;
    this.#connection = connection;
    this.#signingKey = signingKey;
    this.#document = new OwnDocument(connection, schemas, "seeding", "seeding");
  }

  start(): void {
    this.#document.start();
  }

  /** The next connection may be to another store. */
  disconnected(): void {
    this.#document.disconnected();
  }

  /** Whether this datastore's functions have stored it once. */
  isSigned({ subject, envelope }: StoredVersion): boolean {
    return envelope !== undefined && isSigned(this.#signingKey, subject, envelope);
  }

  /** undefined: it was never filled from webservers. `certain`: as the store has it now. */
  async record({ certain = false } = {}): Promise<SeedingRecord | undefined> {
    return (await (certain ? this.#document.read() : this.#document.known())).value;
  }

  /** Whether webservers may still come with what they have: until then no deletion may be forgotten. */
  async takesOffers(): Promise<boolean> {
    const record = await this.record({ certain: true });
    return record !== undefined && takesOffers(record, clock.now(), this.lateMs);
  }

  /** Throws SEEDING for a write to a collection while the store is being filled. What the functions themselves keep of logins and sessions goes on. */
  checkOpen(schema: CollectionSchema): Promise<void> {
    const { heard } = this.#document;
    return heard && !heard.value?.open ? DONE : this.#lookIfOpen(schema);
  }

  async #lookIfOpen({ collection, access }: CollectionSchema): Promise<void> {
    if (access === "system" || !(await this.#document.known()).value?.open) return;
    const { value: record } = await this.#document.recent();
    if (record?.open) throw refusal(collection, record);
  }

  /** From which number on the datastore gives new ones in a collection, as the store has it now: a number that is given on hearsay may be another
   *  webserver's already. Throws SEEDING while the store is being filled. */
  async next({ collection }: CollectionSchema): Promise<number> {
    const record = await this.record({ certain: true });
    if (record?.open) throw refusal(collection, record);
    return record?.next[collection] ?? 0;
  }

  async warnings(): Promise<Warning[]> {
    const record = (await this.record())?.open ? (await this.#document.recent()).value : undefined;
    return record?.open ? [{ code: "SEEDING", message: textOf(record) }] : [];
  }

  /** Replaces the record by what `decide` makes of it, however many do so; undefined leaves it. Returns what it is then. Throws TIMEOUT. */
  async change(decide: (record: SeedingRecord | undefined) => SeedingRecord | undefined): Promise<SeedingRecord | undefined> {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const { revision, value: record } = await this.#document.read();
      const next = decide(record);
      if (!next) return record;
      if (!(await this.#document.write(next, revision))) continue;
      log.warn({ seeding: next.id, word: next.word, open: next.open, waitingFor: waitingFor(next) }, "seeding");
      return next;
    }
    throw new FrontsyncError("TIMEOUT", "Too many change at once what the store is filled with. Try again.");
  }

  /** Opens a seeding that nobody had to ask for, if the store still is as empty as it was when it was looked at. */
  async openAt(
    head: number,
    { generation, newest }: { generation: string; newest?: string },
    webservers: readonly string[],
  ): Promise<SeedingRecord | undefined> {
    const facts = { id: randomId(), word: "signed" as const, from: [generation] };
    const numbers = (await this.record())?.next ?? {};
    const next = opened({ ...facts, next: numbers }, webservers, clock.now(), [newest]);
    if (!(await this.#document.writeAtHead(next, head))) return undefined;
    log.warn({ seeding: next.id, generation }, "the store is empty and is filled from its webservers");
    return next;
  }

  /** The head at which the store has nothing but what its first start makes; undefined: it has more. */
  async emptyAt(): Promise<number | undefined> {
    const { last_seq: head = 0, messages = 0 } = (await streamInfo(this.#connection))?.state ?? {};
    if (messages > MAX_LOOK) return undefined;
    const reader = await openReader(this.#connection, { stream: STREAM, subjects: STORE_ALL, from: 1, headersOnly: true });
    try {
      const versions = await reader.next(MAX_LOOK, LOOK_BYTES);
      const made = versions.some(
        ({ subject, envelope }) => parseStoreSubject(subject).collection !== META && Date.parse(envelope?.at ?? "") !== 0,
      );
      // A consumer may count less than there is, and a message that it leaves out may be somebody's.
      const isAll = versions.length >= messages && reader.pending === 0;
      return made || !isAll ? undefined : head;
    } finally {
      reader.close();
    }
  }
}

function refusal(collection: string, record: SeedingRecord): FrontsyncError {
  return new FrontsyncError("SEEDING", `Nothing is written to ${collection} now: ${textOf(record)}`);
}

function textOf(record: SeedingRecord): string {
  const waiting = waitingFor(record);
  const names =
    waiting.slice(0, MAX_NAMED).join(", ") + (waiting.length > MAX_NAMED ? ` and ${waiting.length - MAX_NAMED} more` : "");
  return `the datastore is being filled from its webservers, and waits for ${names || "the first of them"}. \`frontsync reseed --close\` ends that.`;
}
