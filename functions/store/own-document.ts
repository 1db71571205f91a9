/** One of the store's own documents (`_meta.…`): every handler follows it, and changes it under a condition. What is followed may be some
 *  milliseconds old; what was read or written here is the truth of that moment. */
import { clock } from "../../bus/platform/clock.ts";
import { headerValue } from "../../bus/wire/envelope.ts";
import { type Connection, type Msg, rawHeaders } from "../../bus/wire/nats.ts";
import { readSubject, storeAtHead, storeOwn } from "../../bus/wire/stream.ts";
import { liveSubjectOf, META, storeSubject } from "../../bus/wire/subjects.ts";
import { headerText } from "../../bus/wire/version.ts";
import type { Schemas } from "../../schemas/index.ts";
import type { Messages } from "../../schemas/types.ts";

/** What is heard is read again after so long, before anybody is refused on it: a message may get lost between two servers of a cluster, and then nobody
 *  says it again. */
const HEARSAY_MS = 1000;

/** `value` undefined: there is none, at revision 0. */
export interface Own<T> {
  readonly value: T | undefined;
  readonly revision: number;
}

export class OwnDocument<K extends keyof Messages> {
  readonly #connection: Connection;
  readonly #schemas: Schemas;
  readonly #kind: K;
  readonly subject: string;
  #known: Own<Messages[K]> | undefined;
  /** For all who ask meanwhile. */
  #reading: Promise<Own<Messages[K]>> | undefined;
  /** One connection's reading is of no use for the next one. */
  #life = 0;
  #readAt = Number.NEGATIVE_INFINITY;

  /** `kind`: its schema among the messages; `name`: what follows `_meta.` in its subject. */
  constructor(connection: Connection, schemas: Schemas, kind: K, name: string) {
    this.#connection = connection;
    this.#schemas = schemas;
    this.#kind = kind;
    // Its name may have dots of its own, which an id would have escaped.
    this.subject = storeSubject(META, "x").slice(0, -1) + name;
  }

  start(): void {
    this.#connection.subscribe(liveSubjectOf(this.subject), (message) => this.#hear(message));
  }

  disconnected(): void {
    this.#life++;
    this.#known = this.#reading = undefined;
  }

  /** As far as this handler has heard; undefined: it has not looked since it is connected. */
  get heard(): Own<Messages[K]> | undefined {
    return this.#known;
  }

  /** As far as this handler has heard; read when it has not. */
  async known(): Promise<Own<Messages[K]>> {
    if (this.#known) return this.#known;
    this.#reading ??= this.read().finally(() => {
      this.#reading = undefined;
    });
    return await this.#reading;
  }

  /** As the store has it, or had it a second ago. */
  async recent(): Promise<Own<Messages[K]>> {
    return clock.monotonic() - this.#readAt > HEARSAY_MS ? await this.read() : await this.known();
  }

  /** As the store has it now. */
  async read(): Promise<Own<Messages[K]>> {
    const life = this.#life;
    const stored = await readSubject(this.#connection, this.subject);
    this.#readAt = clock.monotonic();
    const own = stored ? { value: this.#schemas.read(this.#kind, stored.body), revision: stored.revision } : NOTHING;
    return life === this.#life ? this.#note(own) : own;
  }

  /** Stores it if it is at `expected` still. undefined: it is not. */
  async write(value: Messages[K], expected: number): Promise<Own<Messages[K]> | undefined> {
    return this.#stored(value, await storeOwn(this.#connection, this.subject, JSON.stringify(value), expected));
  }

  /** Stores it if the whole store still ends at `head`. undefined: it does not. */
  async writeAtHead(value: Messages[K], head: number): Promise<Own<Messages[K]> | undefined> {
    return this.#stored(value, await storeAtHead(this.#connection, this.subject, JSON.stringify(value), head));
  }

  #stored(value: Messages[K], outcome: number | string): Own<Messages[K]> | undefined {
    return typeof outcome === "number" ? this.#note({ value, revision: outcome }) : undefined;
  }

  #hear(message: Msg): void {
    const revision = Number(headerValue(headerText(rawHeaders(message)), "Nats-Sequence") ?? 0);
    // Whoever may publish here directly is not the store.
    if (revision > 0) this.#note({ value: this.#schemas.read(this.#kind, message.data), revision });
  }

  /** What is heard late does not go back behind what was read. */
  #note(own: Own<Messages[K]>): Own<Messages[K]> {
    if (!this.#known || own.revision >= this.#known.revision) this.#known = own;
    return own;
  }
}

const NOTHING = { value: undefined, revision: 0 };
